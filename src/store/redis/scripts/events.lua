-- What has happened in a job after an event, as far as it is kept here.
-- ARGV 2 id · 3 id of the event, or ''
-- Returns events as JSON
local after = ARGV[3] == '' and '-' or '(' .. ARGV[3]
local lines = {}
for _, entry in ipairs(redis.call('XRANGE', key('events:' .. ARGV[2]), after, '+', 'COUNT', 500)) do
  lines[#lines + 1] = entry[2][2]
end
return lines
