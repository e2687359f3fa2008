-- Jobs, newest first, without what their agents said: ids are made in the order of submission, and sort so.
-- ARGV 2 index ('jobs', 'jobs:queued', 'jobs:session:x', ...) · 3 only before this id, or '' · 4 how many
-- Returns {{id, place or '', record}, ...}
if not isInitialised() then return needsRebuild() end
local newest = ARGV[3] == '' and '+' or '(' .. ARGV[3]
local page = {}
for _, id in ipairs(redis.call('ZRANGE', key(ARGV[2]), newest, '-', 'BYLEX', 'REV', 'LIMIT', 0, ARGV[4])) do
  page[#page + 1] = { id, placeOf(id), record(id, 'output') }
end
return page
