-- What happened in an attempt, for those who follow it now; the file has it for ever.
-- ARGV 2 id · 3 id of the event, fence-seq · 4 the event as JSON
-- Returns 1, or 0 for one that is not kept here: a later one has been, or Redis is full. Replayed: 0.
local stream = key('events:' .. ARGV[2])
local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
local function place(id)
  local fence, seq = id:match('^(%d+)-(%d+)$')
  return tonumber(fence), tonumber(seq)
end
if last then
  local fence, seq = place(ARGV[3])
  local lastFence, lastSeq = place(last[1])
  if fence < lastFence or (fence == lastFence and seq <= lastSeq) then return 0 end
end
local kept = redis.pcall('XADD', stream, 'MAXLEN', '~', 1000, ARGV[3], 'event', ARGV[4])
local refused = type(kept) == 'table' and kept.err
if refused and not refused:find('OOM', 1, true) then return kept end
redis.call('PEXPIRE', stream, 86400000)
-- Who follows looks in the file for what is missing here.
redis.call('PUBLISH', key('changes'), ARGV[2] .. ' event')
return refused and 0 or 1
