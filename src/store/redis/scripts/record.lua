-- What the holder has found out.
-- ARGV 2 id · 3 fence · 4 boot · 5 change as JSON
-- Returns {'stale', record} · {'ok', when it was asked to stop, or ''}
-- Replayed: writes the same again.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
local id = ARGV[2]
if not isHeldBy(id, ARGV[3], ARGV[4]) then return { 'stale', record(id) } end
apply(id, cjson.decode(ARGV[5]))
inSession(id)
changed(id)
return { 'ok', field(id, 'cancel_requested_at') or '' }
