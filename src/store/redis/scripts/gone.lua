-- A process that goes: what it still holds is anybody's to take back, at once.
-- ARGV 2 boot · 3 pod
-- Returns 1. Replayed: the same.
if not isInitialised() then return needsRebuild() end
evenWhenFull()
for _, id in ipairs(redis.call('ZRANGE', key('running'), 0, -1)) do
  if field(id, 'boot_id') == ARGV[2] then redis.call('ZADD', key('running'), 0, id) end
end
redis.call('ZREM', key('pods:free'), ARGV[2])
redis.call('DEL', key('pods:busy:' .. ARGV[2]))
setBusy(ARGV[3], ARGV[2], '')
if redis.call('HGET', key('pod:' .. ARGV[3]), 'boot_id') == ARGV[2] then
  redis.call('DEL', key('pod:' .. ARGV[3]))
  redis.call('ZREM', key('pods'), ARGV[3])
end
if redis.call('GET', key('lock:sweep')) == ARGV[2] then redis.call('DEL', key('lock:sweep')) end
return 1
