-- Jobs that ended longer ago than they are kept.
-- ARGV 2 now in ms · 3 how many at most
-- Returns ids
if not isInitialised() then return needsRebuild() end
return redis.call('ZRANGE', key('ended'), '-inf', ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[3])
