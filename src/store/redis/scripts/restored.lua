-- What ended long ago is listed again, too.
-- ARGV 2 token
-- Returns 1, or 0 when the lock is somebody else's. Replayed: 0.
if redis.call('GET', key('lock:rebuild')) ~= ARGV[2] then return 0 end
redis.call('DEL', key('restoring'), key('lock:rebuild'))
return 1
