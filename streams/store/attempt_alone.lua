-- Counts that an event now runs with nothing else, and how the machine stands.
-- KEYS 1 the event's attempts
-- ARGV 1 seconds to keep them  2 boot id, empty where unknown  3 memory kills so far  4 deaths to count beforehand
redis.call('HINCRBY', KEYS[1], 'alone', 1)
local died = redis.call('HINCRBY', KEYS[1], 'died', ARGV[4])
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'boot', ARGV[2], 'kills', ARGV[3], 'died-before', died)
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
