-- Which of these jobs Redis does not have.
-- ARGV 2.. ids
-- Returns ids
local missing = {}
for n = 2, #ARGV do
  if redis.call('EXISTS', jobKey(ARGV[n])) == 0 then missing[#missing + 1] = ARGV[n] end
end
return missing
