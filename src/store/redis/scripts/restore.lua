-- One job gets its place back. Of two records the one with the higher fence counts, then the later state; of the same running
-- attempt the journal's: its holder acts on nothing that is not there, and Redis may have lost what is.
-- ARGV 2 id · 3 token of the rebuild, or '' for a job that is found to be behind its journal · 4 lease in ms
--      5 what to do with a job the journal does not have: 'keep' or 'drop'
--      6 the highest fence in the journal · 7 when it expires, in ms, or '' · 8 not before, in ms, or ''
--      9 when it may be forgotten, in ms, or '' · 10 digest of the idempotency key, or '' · 11 digest of the request
--      12 fields and values of the journal's record as a JSON array; [] for none
-- Returns 'lost' when the lock is somebody else's, else the status, or 'none'. Replayed: the same.
local id, token = ARGV[2], ARGV[3]
if token ~= '' and redis.call('GET', key('lock:rebuild')) ~= token then return 'lost' end
if token == '' and not isInitialised() then return needsRebuild() end
evenWhenFull()

-- A fence of a released job is followed by another attempt's: queued is later than running.
local rank = { running = 1, queued = 2 }
local function standing(fence, status) return fence * 4 + (rank[status] or 3) end

local recorded = cjson.decode(ARGV[12])
local before = field(id, 'status')
-- It is listed anew, under the session that it turns out to be in.
local session = redis.call('HGET', jobKey(id), '@session')
if session then redis.call('ZREM', key('jobs:session:' .. session), id) end
-- What was asked of the holder here stays asked, whichever record counts.
local asked = redis.call('HGET', jobKey(id), 'cancel_requested_at')
local theirs = {}
for n = 1, #recorded, 2 do theirs[recorded[n]] = recorded[n + 1] end
if #recorded == 0 and before and ARGV[5] == 'drop' then
  local digest = redis.call('HGET', jobKey(id), '@idem')
  if digest then redis.call('DEL', key('idem:' .. digest)) end
  redis.call('DEL', jobKey(id))
  before = nil
elseif #recorded > 0 then
  local fence, status = cjson.decode(theirs.fence), cjson.decode(theirs.status)
  if not before or standing(fence, status) > standing(field(id, 'fence'), before) then
    redis.call('DEL', jobKey(id))
    redis.call('HSET', jobKey(id), unpack(recorded))
  elseif before == 'running' and standing(fence, status) == standing(field(id, 'fence'), before) then
    redis.call('HSET', jobKey(id), unpack(recorded))
  end
  asked = asked or theirs.cancel_requested_at
  if asked and rank[field(id, 'status')] then
    redis.call('HSETNX', jobKey(id), 'cancel_requested_at', asked)
    if field(id, 'status') == 'queued' then
      redis.call('HSET', jobKey(id), 'status', '"cancelled"', 'ended_at', asked)
      redis.call('HDEL', jobKey(id), 'not_before')
    end
  end
  -- A directory of an attempt may be there that no record speaks of.
  if field(id, 'fence') < tonumber(ARGV[6]) and rank[field(id, 'status')] then
    redis.call('HSET', jobKey(id), 'fence', ARGV[6])
  end
  if ARGV[10] ~= '' then
    redis.call('HSET', jobKey(id), '@idem', ARGV[10])
    redis.call('SET', key('idem:' .. ARGV[10]), id .. ' ' .. ARGV[11])
  end
end

local status = field(id, 'status')
if before and before ~= status then redis.call('ZREM', key('jobs:' .. before), id) end
redis.call('ZREM', key('running'), id)
-- A rebuild begins with an empty queue.
if token == '' and before == 'queued' then redis.call('LREM', key('queue'), 1, id) end
if not status then
  for _, index in ipairs({ 'jobs', 'jobs:queued', 'jobs:running', 'delayed', 'expiring' }) do redis.call('ZREM', key(index), id) end
  redis.call('ZREM', key('jobs:reversed'), id:reverse())
  return 'none'
end
redis.call('ZADD', key('jobs'), 0, id)
redis.call('ZADD', key('jobs:reversed'), 0, id:reverse())
redis.call('ZADD', key('jobs:' .. status), 0, id)
inSession(id)
if status == 'queued' then
  if ARGV[8] ~= '' then
    redis.call('ZADD', key('delayed'), ARGV[8], id)
  else
    redis.call('ZREM', key('delayed'), id)
    requeue(id)
  end
  if ARGV[7] ~= '' then redis.call('ZADD', key('expiring'), ARGV[7], id) end
else
  redis.call('ZREM', key('delayed'), id)
  redis.call('ZREM', key('expiring'), id)
  if status == 'running' then
    redis.call('ZADD', key('running'), nowMs() + tonumber(ARGV[4]), id)
  elseif ARGV[9] ~= '' then
    redis.call('ZADD', key('ended'), ARGV[9], id)
    redis.call('ZREM', key('ending'), id)
  else
    redis.call('ZADD', key('ending'), 'NX', nowMs(), id)
  end
end
if token == '' then changed(id) end
return status
