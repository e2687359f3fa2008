-- A pod is to drain, as it is now: the flag is for this boot alone.
-- ARGV 2 pod
-- Returns its boot, or '' when no such pod is known. Replayed: the same.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
local boot = redis.call('HGET', key('pod:' .. ARGV[2]), 'boot_id')
if not boot then return '' end
redis.call('SET', key('pod:' .. ARGV[2] .. ':draining'), boot, 'PX', 86400000)
redis.call('ZREM', key('pods:free'), boot)
redis.call('ZREM', key('scale:busy'), boot)
setFloor()
redis.call('PUBLISH', key('wake:' .. boot), 'drain')
return boot
