-- A running job leaves its holder: to its end, or back into the queue. What is written was worked out by the pod; here is
-- decided whether it still may, and whether a cancel request came first.
-- ARGV 2 id · 3 fence · 4 boot of the holder · 5 operation · 6 change as JSON · 7 the change instead if a cancel request was
--      made · 8 not before, in ms, or ''
-- Returns {'stale', record...} · {'ok', record...}
-- Replayed: the operation is in the record, and the answer the same until somebody claims the job.
if not isInitialised() then return needsRebuild() end
local id, fence, boot, operation = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
if redis.call('HGET', jobKey(id), '@operation') == operation then return { 'ok', unpack(record(id)) } end
if field(id, 'status') ~= 'running' or field(id, 'fence') ~= fence or field(id, 'boot_id') ~= boot then
  return { 'stale', unpack(record(id)) }
end

local pod, ordinal = field(id, 'pod_name') or '', redis.call('HGET', jobKey(id), '@ordinal') or ''
redis.call('ZREM', key('running'), id)
-- What a reaper has taken counts for nobody.
if not redis.call('HGET', jobKey(id), '@seized') then setBusy(pod, boot, ordinal, leasesOf(boot) - 1) end
apply(id, cjson.decode(field(id, 'cancel_requested_at') and ARGV[7] or ARGV[6]))
redis.call('HSET', jobKey(id), '@operation', operation)
inSession(id)
redis.call('HDEL', jobKey(id), '@seized')
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
return { 'ok', unpack(record(id)) }
