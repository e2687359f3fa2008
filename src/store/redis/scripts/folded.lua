-- The ends of jobs are in the journal, and everybody has been told.
-- ARGV 2.. of each its id, and when it may be forgotten, in ms
-- Returns 1. Replayed: the same.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
for n = 2, #ARGV, 2 do
  local id, forgettable = ARGV[n], ARGV[n + 1]
  redis.call('ZREM', key('ending'), id)
  if redis.call('EXISTS', jobKey(id)) == 1 then redis.call('ZADD', key('ended'), forgettable, id) end
end
return 1
