-- A new job, at the end of the queue.
-- ARGV 2 id · 3 digest of the idempotency key, or '' · 4 digest of the request · 5 when it expires in ms, or ''
--      6 how many may wait, or '' · 7 now in ms · 8.. fields and values of the record
-- Returns {word, id, epoch}: 'new' · 'kept' the id is there · 'known' the key is that job's, or the id is there and has ended ·
--      'conflict' that one asked for something else · 'full', how many wait
-- Refused with OOM when Redis is full.
-- Replayed: by id, 'kept' or 'known'. While ended jobs are still being restored nobody can tell whether a key was used: RESTORING.
local epoch = redis.call('GET', key('epoch'))
if not epoch then return needsRebuild() end
local id, digest, request, deadline = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local status = field(id, 'status')
if status then return { (status == 'queued' or status == 'running') and 'kept' or 'known', id, epoch } end

if digest ~= '' then
  local owner = redis.call('GET', key('idem:' .. digest))
  local other = owner and owner:sub(1, 36)
  -- The key of a job that is not there any more is free.
  if other and redis.call('EXISTS', jobKey(other)) == 1 then
    return { owner:sub(38) == request and 'known' or 'conflict', other, epoch }
  end
  if redis.call('EXISTS', key('restoring')) == 1 then
    return redis.error_reply('RESTORING whether the key was used is not known yet')
  end
end
if ARGV[6] ~= '' then
  -- What is overdue is about to be ended.
  local waiting = redis.call('ZCARD', key('jobs:queued')) - redis.call('ZCOUNT', key('expiring'), '-inf', ARGV[7])
  if waiting >= tonumber(ARGV[6]) then return { 'full', waiting } end
end
unlessFull()
if digest ~= '' then
  redis.call('SET', key('idem:' .. digest), id .. ' ' .. request)
  redis.call('HSET', jobKey(id), '@idem', digest)
end

redis.call('HSET', jobKey(id), unpack(ARGV, 8))
redis.call('ZADD', key('jobs'), 0, id)
redis.call('ZADD', key('jobs:reversed'), 0, id:reverse())
redis.call('ZADD', key('jobs:queued'), 0, id)
inSession(id)
if deadline ~= '' then redis.call('ZADD', key('expiring'), deadline, id) end
redis.call('RPUSH', key('queue'), id)
changed(id)
wakeFreePod()
return { 'new', id, epoch }
