-- Stores a signal's bytes under its id if absent, and returns what is stored.
-- KEYS[1] the claim; ARGV[1] the bytes, ARGV[2] seconds to keep them.
-- A claim that is met again lives on: a replay may come as late as the log allows.
local stored = redis.call('GET', KEYS[1])
if stored then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
  return stored
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
