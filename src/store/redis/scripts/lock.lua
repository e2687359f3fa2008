-- A lock with an owner, for as long as the owner renews it.
-- ARGV 2 name · 3 token · 4 ms it lasts
-- Returns 1 when it is the token's now, else 0. Replayed: the same.
evenWhenFull()
local name = key('lock:' .. ARGV[2])
local owner = redis.call('GET', name)
if owner and owner ~= ARGV[3] then return 0 end
redis.call('SET', name, ARGV[3], 'PX', ARGV[4])
return 1
