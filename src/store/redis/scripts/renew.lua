-- All leases of one boot at once. Changes no record.
-- ARGV 2 pod · 3 boot · 4 ordinal, or '' · 5 lease in ms · 6.. id and fence of each lease
-- Returns {epoch, rev, state...}: 'held', 'cancelled' (held, and asked to stop) or 'lost', in the order given
-- Replayed: renews again. Sets right what is known of how busy the pod is: after a rebuild nothing is.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
local pod, boot, ordinal, untilMs = ARGV[2], ARGV[3], ARGV[4], nowMs() + tonumber(ARGV[5])
local held = 0
local reply = { redis.call('GET', key('epoch')), redis.call('GET', key('rev')) or '0' }
for n = 6, #ARGV, 2 do
  local id, fence = ARGV[n], tonumber(ARGV[n + 1])
  local isHeld = field(id, 'status') == 'running' and field(id, 'fence') == fence and field(id, 'boot_id') == boot
  if isHeld then
    redis.call('ZADD', key('running'), untilMs, id)
    held = held + 1
  end
  reply[#reply + 1] = not isHeld and 'lost' or field(id, 'cancel_requested_at') and 'cancelled' or 'held'
end
setBusy(pod, boot, ordinal, held)
return reply
