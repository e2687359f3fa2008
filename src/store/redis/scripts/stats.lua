-- How the queue stands. ARGV 2 now in ms
-- Returns {may start now, wait for their time, running, id of the first that may start now or ''}
if not isInitialised() then return needsRebuild() end
local oldest = redis.call('LINDEX', key('queue'), 0)
local due = redis.call('ZRANGE', key('delayed'), '-inf', ARGV[2], 'BYSCORE')
for _, id in ipairs(due) do
  if not oldest or id < oldest then oldest = id end
end
return { redis.call('LLEN', key('queue')) + #due, redis.call('ZCARD', key('delayed')) - #due,
  redis.call('ZCARD', key('jobs:running')), oldest or '' }
