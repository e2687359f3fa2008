-- Ids that start or end so.
-- ARGV 2 part · 3 how many at most of each
-- Returns ids; one that does both is there twice
if not isInitialised() then return needsRebuild() end
local function within(index, start)
  return redis.call('ZRANGE', key(index), '[' .. start, '(' .. start .. '~', 'BYLEX', 'LIMIT', 0, ARGV[3])
end
local found = within('jobs', ARGV[2])
for _, reversed in ipairs(within('jobs:reversed', ARGV[2]:reverse())) do found[#found + 1] = reversed:reverse() end
return found
