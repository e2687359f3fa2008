-- The end of a job is in the journal, and everybody has been told.
-- ARGV 2 id · 3 when it may be forgotten, in ms
-- Returns 1. Replayed: the same.
if not isInitialised() then return needsRebuild() end
redis.call('ZREM', key('ending'), ARGV[2])
if redis.call('EXISTS', jobKey(ARGV[2])) == 1 then redis.call('ZADD', key('ended'), ARGV[3], ARGV[2]) end
return 1
