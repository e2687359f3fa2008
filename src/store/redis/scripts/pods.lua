-- The fleet.
-- Returns {{name, boot, about, ms since its last word, leases it holds, '1' if it drains}, ...}
if not isInitialised() then return needsRebuild() end
local pods = {}
for _, pod in ipairs(redis.call('ZRANGE', key('pods'), 0, -1)) do
  local known = redis.call('HMGET', key('pod:' .. pod), 'boot_id', 'about', 'beat')
  if known[1] then
    local drains = isDraining(pod, known[1]) and '1' or ''
    pods[#pods + 1] = { pod, known[1], known[2], nowMs() - tonumber(known[3]), leasesOf(known[1]), drains }
  end
end
return pods
