-- A reaper becomes the holder of an attempt whose lease has run out, to bring it to its end. From here on the former
-- holder is refused.
-- ARGV 2 id · 3 boot of the reaper · 4 ms it may take · 5 '1' to take only what was given up, and not what is only late
--      6 the highest schema version the reaper can read
-- Returns {} somebody was faster, the holder lives, or the record is newer than the reaper · {'seized', record}
-- Replayed: the same for the same boot, whose time begins anew.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
local id, boot, untilMs = ARGV[2], ARGV[3], nowMs() + tonumber(ARGV[4])
local lease = redis.call('ZSCORE', key('running'), id)
if field(id, 'status') ~= 'running' or not isReadable(field(id, 'schema_version'), ARGV[6]) then return {} end
if redis.call('HGET', jobKey(id), '@seized') == boot then
  redis.call('ZADD', key('running'), untilMs, id)
  return { 'seized', record(id) }
end
local latest = ARGV[5] == '1' and 0 or nowMs()
if lease and tonumber(lease) > latest then return {} end

local holder = field(id, 'boot_id') or ''
if not redis.call('HGET', jobKey(id), '@seized') then
  dropLease(field(id, 'pod_name') or '', holder, redis.call('HGET', jobKey(id), '@ordinal') or '', id)
end
redis.call('HSET', jobKey(id), 'boot_id', cjson.encode(boot), '@seized', boot)
redis.call('ZADD', key('running'), untilMs, id)
return { 'seized', record(id) }
