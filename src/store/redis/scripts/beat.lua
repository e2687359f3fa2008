-- A pod says that it lives, and hears whether somebody has told it to drain.
-- ARGV 2 pod · 3 boot · 4 what is known of it, as JSON · 5 it drains: '1', or '' · 6 forgotten after so many ms
-- Returns {epoch, rev, '1' if the drain flag is for this boot, else ''}. Replayed: says it again.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
local pod, boot = ARGV[2], ARGV[3]
redis.call('HSET', key('pod:' .. pod), 'boot_id', boot, 'about', ARGV[4], 'beat', nowMs())
redis.call('PEXPIRE', key('pod:' .. pod), ARGV[6])
redis.call('ZADD', key('pods'), nowMs(), pod)
redis.call('ZREMRANGEBYSCORE', key('pods'), '-inf', nowMs() - tonumber(ARGV[6]))
local flag = key('pod:' .. pod .. ':draining')
if ARGV[5] == '1' and redis.call('GET', flag) ~= boot then redis.call('SET', flag, boot, 'PX', 86400000) end
local drains = isDraining(pod, boot)
if drains then
  redis.call('ZREM', key('pods:free'), boot)
  redis.call('ZREM', key('scale:busy'), boot)
  setFloor()
end
return { redis.call('GET', key('epoch')), redis.call('GET', key('rev')) or '0', drains and '1' or '' }
