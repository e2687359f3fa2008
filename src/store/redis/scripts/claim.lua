-- The job at the head of the queue becomes this pod's: fence up, lease taken.
-- ARGV 2 operation (boot, n) · 3 only this id, or '' · 4 pod · 5 boot · 6 ordinal, or '' · 7 now in ms · 8 now, RFC 3339 · 9 lease in ms
--      10 the highest schema version the pod can read: what is newer is left for those that can
-- Returns {'none'} · {'claimed', record} · {'expired', record} one that has waited too long has ended instead: claim again
-- Refused with OOM when Redis is full: nothing new begins.
-- Replayed: the operation is remembered for ten minutes, and returns the same job while its lease is this boot's.
if not isInitialised() then return needsRebuild() end
local operation, only, pod, boot, ordinal = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local atMs, at, leaseMs = tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9])

local before = redis.call('GET', key('claim:' .. operation))
if before then
  local id, fence = before:sub(1, 36), tonumber(before:sub(38))
  if not fence then return { 'expired', record(id) } end
  local isOurs = field(id, 'fence') == fence and field(id, 'status') == 'running'
  return isOurs and { 'claimed', record(id) } or { 'none' }
end
if isDraining(pod, boot) then return { 'none' } end
if only == '' and redis.call('EXISTS', key('calm')) == 1 then return { 'none' } end
-- An attempt that has begun has to be written down.
unlessFull()

requeueDue(atMs)

local function known(job)
  return redis.call('HMGET', jobKey(job), 'status', 'fence', 'attempt', 'not_before', '@operation', 'schema_version')
end

-- The first that this version can read, of so many.
local function takeFirst()
  local passedOver = 0
  while passedOver < 256 do
    local first = redis.call('LINDEX', key('queue'), passedOver)
    if not first then return end
    local job = known(first)
    if job[1] == '"queued"' and not isReadable(job[6], ARGV[10]) then
      passedOver = passedOver + 1
    else
      if passedOver == 0 then redis.call('LPOP', key('queue')) else redis.call('LREM', key('queue'), 1, first) end
      -- Only what waits is ever in the list; should it be otherwise, that is dropped and not run.
      if job[1] == '"queued"' then return first, job end
    end
  end
end

local id, waited
if only == '' then
  id, waited = takeFirst()
else
  waited = known(only)
  if isReadable(waited[6], ARGV[10]) and redis.call('LREM', key('queue'), 1, only) == 1 then id = only end
end
if not id then
  if only == '' then redis.call('ZADD', key('pods:free'), ordinal == '' and 2147483648 or ordinal, boot) end
  return { 'none' }
end

local deadline = redis.call('ZSCORE', key('expiring'), id)
if deadline then redis.call('ZREM', key('expiring'), id) end
if deadline and tonumber(deadline) <= atMs then
  redis.call('HSET', jobKey(id), 'status', '"expired"', 'ended_at', cjson.encode(at))
  redis.call('HDEL', jobKey(id), 'not_before')
  redis.call('SET', key('claim:' .. operation), id .. ' expired', 'PX', 600000)
  ended(id, 'expired', 'queued')
  changed(id)
  return { 'expired', record(id) }
end

local fence = (waited[2] or 0) + 1
if waited[4] or waited[5] then redis.call('HDEL', jobKey(id), 'not_before', '@operation') end
redis.call('HSET', jobKey(id), 'fence', fence, 'attempt', (waited[3] or 0) + 1, 'status', '"running"', 'pod_name', cjson.encode(pod),
  'boot_id', cjson.encode(boot), 'started_at', cjson.encode(at), '@ordinal', ordinal)
move(id, 'queued', 'running')
redis.call('ZADD', key('running'), nowMs() + leaseMs, id)
redis.call('SET', key('claim:' .. operation), id .. ' ' .. fence, 'PX', 600000)
-- It says so again when it finds nothing more.
redis.call('ZREM', key('pods:free'), boot)
addLease(pod, boot, ordinal, id)
changed(id)
return { 'claimed', record(id) }
