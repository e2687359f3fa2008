-- What nobody looks after any more. What has waited for its time comes into the queue: where all pods are busy, nobody claims,
-- and nothing else would show that more of them are wanted.
-- ARGV 2 now in ms · 3 how many at most of each · 4 '1' for leases that were given up alone, and not those that are late
--      5 ms after which an end that is not in the journal is anybody's to write there
-- Returns {{ids whose lease has run out}, {ids that waited too long}, {ids that ended a while ago and are not in the
--      journal}, {'1' if ended jobs are still to be restored and nobody is at it}}
-- Replayed: the same; what is in the queue is moved no more.
if not isInitialised() then return needsRebuild() end
requeueDue(ARGV[2])
local limit = ARGV[3]
local latest = ARGV[4] == '1' and 0 or nowMs()
local isLeft = redis.call('EXISTS', key('restoring')) == 1 and redis.call('EXISTS', key('lock:rebuild')) == 0
return {
  redis.call('ZRANGE', key('running'), '-inf', latest, 'BYSCORE', 'LIMIT', 0, limit),
  redis.call('ZRANGE', key('expiring'), '-inf', ARGV[2], 'BYSCORE', 'LIMIT', 0, limit),
  redis.call('ZRANGE', key('ending'), '-inf', nowMs() - tonumber(ARGV[5]), 'BYSCORE', 'LIMIT', 0, limit),
  { isLeft and '1' or nil },
}
