-- The model is busy: no pod starts a job from the queue for a while.
-- ARGV 2 ms
-- Returns 1. Replayed: the while begins anew.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
if redis.call('PTTL', key('calm')) < tonumber(ARGV[2]) then redis.call('SET', key('calm'), '1', 'PX', ARGV[2]) end
return 1
