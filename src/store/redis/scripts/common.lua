-- Stands before every script. ARGV[1] is the key prefix; KEYS[1] is {p}:epoch.
-- Values in a job's hash are JSON, so that every reader knows text from numbers; fields that begin with @ are the
-- store's own and no part of the record. A moment that a script is told is one by the clock of Redis.
local prefix = ARGV[1]

local function key(name)
  return prefix .. ':' .. name
end

local function jobKey(id)
  return key('job:' .. id)
end

local function field(id, name)
  local value = redis.call('HGET', jobKey(id), name)
  return value and cjson.decode(value) or nil
end

-- As one JSON object, which costs its reader far less than a list; '' when there is none.
local function record(id, without)
  local all, members = redis.call('HGETALL', jobKey(id)), {}
  for n = 1, #all, 2 do
    local name = all[n]
    if name:byte() ~= 64 and name ~= without then members[#members + 1] = '"' .. name .. '":' .. all[n + 1] end
  end
  return #members > 0 and '{' .. table.concat(members, ',') .. '}' or ''
end

-- During a rollout there are records of a version that not every pod knows.
local function isReadable(version, highest)
  return tonumber(version or 0) <= tonumber(highest)
end

-- Milliseconds since 1970 by the one clock that all pods share.
local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The attempt is still its holder's; fence as text, and what the hash has.
local function isHolder(boot, fence, status, itsFence, itsBoot)
  return status == '"running"' and itsFence == fence and itsBoot and cjson.decode(itsBoot) == boot
end

local function isHeldBy(id, fence, boot)
  return isHolder(boot, fence, unpack(redis.call('HMGET', jobKey(id), 'status', 'fence', 'boot_id')))
end

-- An empty Redis has lost what it knew: nothing is accepted into it before the journal has been read.
local function isInitialised()
  return redis.call('EXISTS', key('epoch')) == 1
end

local function needsRebuild()
  return redis.error_reply('NEEDS_REBUILD there is no ' .. key('epoch'))
end

-- Holders, and whoever ends what there is, get through when Redis has no memory left for more: it does not stop a script
-- in the middle, and refuses only those whose first write asks for memory. This one asks for none and changes nothing.
local function evenWhenFull()
  redis.call('DEL', key('full'))
end

-- What begins something is refused by Redis, with OOM, before anything is done. This asks for memory, and takes none.
local function unlessFull()
  redis.call('SETRANGE', key('full'), 0, '')
end

-- Counts the mutation, and tells those who watch.
local function changed(id)
  redis.call('INCR', key('rev'))
  redis.call('PUBLISH', key('changes'), id)
end

-- The lowest free pod hears of a job to claim, and is not free until it has looked and says so again. One that does not
-- listen any more is not free either.
local function wakeFreePod()
  while true do
    local boot = redis.call('ZPOPMIN', key('pods:free'))[1]
    if not boot then return end
    if redis.call('PUBLISH', key('wake:' .. boot), '') > 0 then return end
  end
end

-- The set 0..highest busy ordinal; its size is what may not be scaled below. It has no gaps, so its size says its end.
local function setFloor()
  local highest = redis.call('ZRANGE', key('scale:busy'), -1, -1, 'WITHSCORES')[2]
  local wanted = highest and highest + 1 or 0
  local size = redis.call('SCARD', key('scale:floor'))
  local command = size < wanted and 'SADD' or 'SREM'
  for ordinal = math.min(size, wanted), math.max(size, wanted) - 1 do redis.call(command, key('scale:floor'), ordinal) end
end

local function isDraining(pod, boot)
  return redis.call('GET', key('pod:' .. pod .. ':draining')) == boot
end

local function leasesOf(boot)
  return redis.call('SCARD', key('pods:busy:' .. boot))
end

-- Whether a boot holds leases. Draining pods bound no scale-in: what they hold is handed over.
-- ordinal is '' for a pod without one.
local function setBusy(pod, boot, ordinal)
  local isBusy = leasesOf(boot) > 0
  if isBusy then redis.call('HSET', key('pods:busy'), boot, 1) else redis.call('HDEL', key('pods:busy'), boot) end
  local bounds = isBusy and ordinal ~= '' and not isDraining(pod, boot)
  local differs = bounds and redis.call('ZADD', key('scale:busy'), ordinal, boot) or redis.call('ZREM', key('scale:busy'), boot)
  if differs == 1 then setFloor() end
end

-- Its first one makes a pod busy, and its last one free; renewals put right what else may have become of that.
local function addLease(pod, boot, ordinal, id)
  redis.call('SADD', key('pods:busy:' .. boot), id)
  if leasesOf(boot) == 1 then setBusy(pod, boot, ordinal) end
end

local function dropLease(pod, boot, ordinal, id)
  redis.call('SREM', key('pods:busy:' .. boot), id)
  if leasesOf(boot) == 0 then setBusy(pod, boot, ordinal) end
end

-- change: {set = {name, JSON, name, JSON, ...}, drop = {name, ...}}
local function apply(id, change)
  if #change.drop > 0 then redis.call('HDEL', jobKey(id), unpack(change.drop)) end
  if #change.set > 0 then redis.call('HSET', jobKey(id), unpack(change.set)) end
end

-- The record as its holder knows it takes the place of what is there, which may be older; the store's own fields stay, and
-- what others have asked for.
local function replace(id, fields, own, value)
  local isKept, gone = { cancel_requested_at = true }, {}
  for n = 1, #fields, 2 do isKept[fields[n]] = true end
  for _, name in ipairs(redis.call('HKEYS', jobKey(id))) do
    if name:byte() ~= 64 and not isKept[name] then gone[#gone + 1] = name end
  end
  if #gone > 0 then redis.call('HDEL', jobKey(id), unpack(gone)) end
  redis.call('HSET', jobKey(id), own, value, unpack(fields))
end

local function move(id, from, to)
  redis.call('ZREM', key('jobs:' .. from), id)
  redis.call('ZADD', key('jobs:' .. to), 0, id)
end

-- The place of a job that waits, from 1; '' for one that is not in the list. Ids sort nearly as the list does (those of one
-- millisecond in any order): it is near its rank, less those that wait for their time; where it is not, the whole list is
-- looked through, from the end.
local function placeOf(id)
  local rank = redis.call('ZRANK', key('jobs:queued'), id)
  if not rank then return '' end
  local delayed = math.min(redis.call('ZCARD', key('delayed')), 64)
  for _, around in ipairs({ 8, 256 }) do
    local first = math.max(0, rank - delayed - around)
    for n, waiting in ipairs(redis.call('LRANGE', key('queue'), first, rank + around)) do
      if waiting == id then return first + n end
    end
  end
  local index = redis.call('LPOS', key('queue'), id, 'RANK', -1)
  return index and index + 1 or ''
end

-- What comes back has its place by submission, which is at the head or, in a rebuild, at the tail: ids sort so. In between
-- it is found by halving: a long queue is not looked through.
local function requeue(id)
  local queue = key('queue')
  local tail = redis.call('LINDEX', queue, -1)
  if tail == id then return end
  if not tail or tail < id then return redis.call('RPUSH', queue, id) end
  local from, to = 0, redis.call('LLEN', queue) - 1
  while from < to do
    local middle = math.floor((from + to) / 2)
    if redis.call('LINDEX', queue, middle) > id then to = middle else from = middle + 1 end
  end
  if from > 0 and redis.call('LINDEX', queue, from - 1) == id then return end
  redis.call('LINSERT', queue, 'BEFORE', redis.call('LINDEX', queue, from), id)
end

-- What has waited for its time is in the queue from then on, where scalers see it.
local function requeueDue(atMs)
  for _, id in ipairs(redis.call('ZRANGE', key('delayed'), '-inf', atMs, 'BYSCORE', 'LIMIT', 0, 100)) do
    redis.call('ZREM', key('delayed'), id)
    requeue(id)
  end
end

local function leaveQueue(id)
  if redis.call('LREM', key('queue'), 1, id) == 0 then redis.call('ZREM', key('delayed'), id) end
  redis.call('ZREM', key('expiring'), id)
end

-- The journal is to be told, and whoever else wants to know, by the pod that asked or, if that dies, by another one.
local function ended(id, status, from)
  move(id, from, status)
  redis.call('ZADD', key('ending'), nowMs(), id)
end

-- A job is listed under the session it is in now, and no earlier one.
local function inSession(id)
  local session, before = unpack(redis.call('HMGET', jobKey(id), 'session_id', '@session'))
  session = session and cjson.decode(session)
  if before and before ~= session then
    redis.call('ZREM', key('jobs:session:' .. before), id)
    redis.call('HDEL', jobKey(id), '@session')
  end
  if not session then return end
  redis.call('ZADD', key('jobs:session:' .. session), 0, id)
  redis.call('HSET', jobKey(id), '@session', session)
end
