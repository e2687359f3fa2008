-- Returns {waiting, running, id that waits longest or ''}
if not isInitialised() then return needsRebuild() end
local oldest = redis.call('ZRANGE', key('jobs:queued'), 0, 0)[1] or ''
return { redis.call('ZCARD', key('jobs:queued')), redis.call('ZCARD', key('jobs:running')), oldest }
