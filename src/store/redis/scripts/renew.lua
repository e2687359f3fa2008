-- All leases of one boot at once. Changes no record.
-- ARGV 2 pod · 3 boot · 4 ordinal, or '' · 5 lease in ms · 6.. id and fence of each lease
-- Returns {epoch, rev, state...}: 'held', 'cancelled' (held, and asked to stop) or 'lost', in the order given
-- Replayed: renews again. Says how busy the pod is, too: after a rebuild nothing is known of that. What it has claimed since
-- the call was put together stays.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
local pod, boot, ordinal, untilMs = ARGV[2], ARGV[3], ARGV[4], nowMs() + tonumber(ARGV[5])
local busy = key('pods:busy:' .. boot)
local reply = { redis.call('GET', key('epoch')), redis.call('GET', key('rev')) or '0' }
for n = 6, #ARGV, 2 do
  local id = ARGV[n]
  local isHeld = isHeldBy(id, ARGV[n + 1], boot)
  if isHeld then
    redis.call('ZADD', key('running'), untilMs, id)
    redis.call('SADD', busy, id)
  end
  reply[#reply + 1] = not isHeld and 'lost' or field(id, 'cancel_requested_at') and 'cancelled' or 'held'
end
for _, id in ipairs(redis.call('SMEMBERS', busy)) do
  if field(id, 'status') ~= 'running' or field(id, 'boot_id') ~= boot then redis.call('SREM', busy, id) end
end
setBusy(pod, boot, ordinal)
return reply
