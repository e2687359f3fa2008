-- How the queue stands. ARGV 2 now in ms
-- Returns {may start now, wait for their time, running, id of the first that may start now or ''}
if not isInitialised() then return needsRebuild() end
local oldest = redis.call('LINDEX', key('queue'), 0)
local due = redis.call('ZCOUNT', key('delayed'), '-inf', ARGV[2])
-- More than these are never due for long: reapers move them.
for _, id in ipairs(redis.call('ZRANGE', key('delayed'), '-inf', ARGV[2], 'BYSCORE', 'LIMIT', 0, 100)) do
  if not oldest or id < oldest then oldest = id end
end
return { redis.call('LLEN', key('queue')) + due, redis.call('ZCARD', key('delayed')) - due,
  redis.call('ZCARD', key('jobs:running')), oldest or '' }
