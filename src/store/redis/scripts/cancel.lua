-- Queued: ended at once. Running: marked, and its holder is told by its own channel (one of an older version hears of it at its next renewal). Ended: as it is.
-- ARGV 2 id · 3 now, RFC 3339 · 4 operation
-- Returns {} there is no such job · {'asked', record} it runs, or had ended before · {'ended', record} it has ended by this
-- Replayed: the same; the first moment stays.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
local id, at = ARGV[2], cjson.encode(ARGV[3])
if redis.call('HGET', jobKey(id), '@operation') == ARGV[4] then return { 'ended', record(id) } end
local status = field(id, 'status')
if not status then return {} end
if status == 'running' then
  if redis.call('HSETNX', jobKey(id), 'cancel_requested_at', at) == 1 then
    changed(id)
    redis.call('PUBLISH', key('wake:' .. (field(id, 'boot_id') or '')), 'cancel ' .. id)
  end
elseif status == 'queued' then
  redis.call('HSET', jobKey(id), 'status', '"cancelled"', 'cancel_requested_at', at, 'ended_at', at, '@operation', ARGV[4])
  redis.call('HDEL', jobKey(id), 'not_before')
  leaveQueue(id)
  ended(id, 'cancelled', 'queued')
  changed(id)
  return { 'ended', record(id) }
end
return { 'asked', record(id) }
