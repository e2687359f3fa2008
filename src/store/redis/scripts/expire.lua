-- A job that has waited for too long without a start has ended.
-- ARGV 2 id · 3 now in ms · 4 now, RFC 3339 · 5 operation
-- Returns {'kept', record} it need not end, or has ended · {'ended', record}
-- Replayed: the same.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
local id, atMs, at = ARGV[2], tonumber(ARGV[3]), ARGV[4]
if redis.call('HGET', jobKey(id), '@operation') == ARGV[5] then return { 'ended', record(id) } end
local deadline = redis.call('ZSCORE', key('expiring'), id)
if not deadline or tonumber(deadline) > atMs or field(id, 'status') ~= 'queued' then return { 'kept', record(id) } end
redis.call('HSET', jobKey(id), 'status', '"expired"', 'ended_at', cjson.encode(at), '@operation', ARGV[5])
redis.call('HDEL', jobKey(id), 'not_before')
leaveQueue(id)
ended(id, 'expired', 'queued')
changed(id)
return { 'ended', record(id) }
