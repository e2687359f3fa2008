-- A job that has ended, and whose files are gone.
-- ARGV 2 id
-- Returns 1 when there is nothing left of it, 0 when it goes on. Replayed: 1.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
local id = ARGV[2]
local status = field(id, 'status')
if status == 'queued' or status == 'running' then return 0 end
redis.call('ZREM', key('ended'), id)
redis.call('ZREM', key('ending'), id)
if not status then return 1 end
local digest = redis.call('HGET', jobKey(id), '@idem')
if digest then
  local owner = redis.call('GET', key('idem:' .. digest))
  if owner and owner:sub(1, 36) == id then redis.call('DEL', key('idem:' .. digest)) end
end
-- An older version may have gone on to another session without saying so.
for _, session in ipairs({ field(id, 'session_id') or '', redis.call('HGET', jobKey(id), '@session') or '' }) do
  redis.call('ZREM', key('jobs:session:' .. session), id)
end
redis.call('ZREM', key('jobs'), id)
redis.call('ZREM', key('jobs:reversed'), id:reverse())
redis.call('ZREM', key('jobs:' .. status), id)
redis.call('DEL', jobKey(id), key('events:' .. id))
changed(id)
return 1
