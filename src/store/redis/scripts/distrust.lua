-- What a pod remembers is younger than what is here: an old snapshot has come back. Until the journal has been read,
-- nothing is accepted.
-- ARGV 2 epoch and 3 rev as they were last seen · 4 '1' when Redis has been started anew, and may have lost the last moments
-- Returns 1 when it was so, else 0. Replayed: 0.
if redis.call('GET', key('epoch')) ~= ARGV[2] then return 0 end
if ARGV[4] ~= '1' and tonumber(redis.call('GET', key('rev')) or 0) >= tonumber(ARGV[3]) then return 0 end
redis.call('DEL', key('epoch'))
return 1
