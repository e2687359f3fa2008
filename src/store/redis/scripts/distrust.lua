-- What a pod remembers is younger than what is here, or Redis has been started anew since the journal was read last: it
-- may be an old snapshot, and has lost its last moments. Until the journal has been read, nothing is accepted.
-- ARGV 2 epoch and 3 rev as they were last seen, or '' · 4 which start of the server this is, or '' where that is not to be known
-- Returns 1 when it was so, else 0. Replayed: 0.
local epoch = redis.call('GET', key('epoch'))
if not epoch then return 0 end
local isAnother = ARGV[4] ~= '' and redis.call('GET', key('run_id')) ~= ARGV[4]
local fell = ARGV[2] == epoch and tonumber(redis.call('GET', key('rev')) or 0) < tonumber(ARGV[3])
if not isAnother and not fell then return 0 end
redis.call('DEL', key('epoch'))
return 1
