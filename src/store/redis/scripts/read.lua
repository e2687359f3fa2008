-- One job, and its place in the queue.
-- ARGV 2 id
-- Returns {} or {place or '', record}; the first place is 1
if not isInitialised() then return needsRebuild() end
local id = ARGV[2]
if redis.call('EXISTS', jobKey(id)) == 0 then return {} end
return { placeOf(id), record(id) }
