-- Everything that has not ended has its place: from here on Redis is trusted.
-- ARGV 2 token · 3 the new epoch · 4 rev as the pod last saw it · 5 which start of the server this is, or ''
-- Returns 1, or 0 when the lock is somebody else's. Replayed: sets the epoch again.
if redis.call('GET', key('lock:rebuild')) ~= ARGV[2] then return 0 end
evenWhenFull()
local rev = math.max(tonumber(redis.call('GET', key('rev')) or 0), tonumber(ARGV[4])) + 1
redis.call('SET', key('rev'), string.format('%d', rev))
redis.call('SET', key('run_id'), ARGV[5])
redis.call('SET', key('epoch'), ARGV[3])
return 1
