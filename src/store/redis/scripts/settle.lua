-- A running job leaves its holder: to its end, or back into the queue. What is written was worked out by the pod; here is
-- decided whether it still may, and whether a cancel request came first. All of the record is written: Redis may have lost
-- some of what was before.
-- ARGV 2 id · 3 fence · 4 boot of the holder · 5 operation · 6 fields and values of the record as a JSON array · 7 what is
--      changed of that if a cancel request was made, as JSON · 8 not before, in ms, or ''
-- Returns {'stale', record} · {'ok', ''} as it was to be · {'ok', when it was asked to stop} the change instead was made
-- Replayed: the operation is in the record, and the answer the same until somebody claims the job.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
local id, boot, operation = ARGV[2], ARGV[4], ARGV[5]
local before, asked, pod, ordinal, seized, held, fence, holder = unpack(redis.call('HMGET', jobKey(id), '@operation',
  'cancel_requested_at', 'pod_name', '@ordinal', '@seized', 'status', 'fence', 'boot_id'))
if before == operation then return { 'ok', '' } end
if before == operation .. ' cancelled' then return { 'ok', cjson.decode(asked) } end
if not isHolder(boot, ARGV[3], held, fence, holder) then return { 'stale', record(id) } end

redis.call('ZREM', key('running'), id)
-- What a reaper has taken counts for nobody.
if seized then redis.call('HDEL', jobKey(id), '@seized') else dropLease(cjson.decode(pod or '""'), boot, ordinal or '', id) end
replace(id, cjson.decode(ARGV[6]), '@operation', asked and operation .. ' cancelled' or operation)
if asked then apply(id, cjson.decode(ARGV[7])) end
inSession(id)
local status = field(id, 'status')
if status ~= 'queued' then
  ended(id, status, 'running')
else
  move(id, 'running', 'queued')
  if ARGV[8] ~= '' then
    redis.call('ZADD', key('delayed'), ARGV[8], id)
  else
    requeue(id)
    wakeFreePod()
  end
end
changed(id)
return { 'ok', asked and cjson.decode(asked) or '' }
