-- Gives a lock back that is the token's.
-- ARGV 2 name · 3 token
-- Returns 1 when it was, else 0. Replayed: 0.
local name = key('lock:' .. ARGV[2])
if redis.call('GET', name) ~= ARGV[3] then return 0 end
redis.call('DEL', name)
return 1
