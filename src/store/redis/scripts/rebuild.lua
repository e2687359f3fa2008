-- One pod begins to put together what Redis and the journal know. What is in the hashes stays; every place is given anew.
-- ARGV 2 token · 3 ms the lock lasts
-- Returns {'done', epoch, rev} there is nothing to do · {'busy'} another pod is at it · {'begun', id...} jobs that have not ended, as
--      far as Redis knows
-- Replayed by the same token: begins again.
if isInitialised() then
  return { 'done', redis.call('GET', key('epoch')), redis.call('GET', key('rev')) or '0' }
end
local owner = redis.call('GET', key('lock:rebuild'))
if owner and owner ~= ARGV[2] then return { 'busy' } end
evenWhenFull()
redis.call('SET', key('lock:rebuild'), ARGV[2], 'PX', ARGV[3])
redis.call('SET', key('restoring'), '1')
for _, boot in ipairs(redis.call('HKEYS', key('pods:busy'))) do redis.call('DEL', key('pods:busy:' .. boot)) end
redis.call('DEL', key('queue'), key('running'), key('pods:free'), key('pods:busy'), key('scale:busy'), key('scale:floor'))
local known = { 'begun' }
for _, status in ipairs({ 'queued', 'running' }) do
  for _, id in ipairs(redis.call('ZRANGE', key('jobs:' .. status), 0, -1)) do known[#known + 1] = id end
end
return known
