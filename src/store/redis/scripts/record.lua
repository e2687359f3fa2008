-- What the holder has found out.
-- ARGV 2 id · 3 fence · 4 boot · 5 change as JSON
-- Returns {'stale', record...} · {'ok', record...}
-- Replayed: writes the same again.
if not isInitialised() then return needsRebuild() end
local id, fence, boot = ARGV[2], tonumber(ARGV[3]), ARGV[4]
if field(id, 'status') ~= 'running' or field(id, 'fence') ~= fence or field(id, 'boot_id') ~= boot then
  return { 'stale', unpack(record(id)) }
end
apply(id, cjson.decode(ARGV[5]))
inSession(id)
changed(id)
return { 'ok', unpack(record(id)) }
