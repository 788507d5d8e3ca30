-- Counts a start of work on one event, and says how earlier ones ended.
-- KEYS 1 the event's attempts
-- ARGV 1 seconds to keep them  2 boot id of this machine, empty where unknown  3 its memory kills so far
-- Returns the starts, the deaths alone that a parent process noted, and those that the memory killer may have caused.
local started = redis.call('HINCRBY', KEYS[1], 'started', 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
local died = redis.call('HGET', KEYS[1], 'died') or '0'
local before = redis.call('HMGET', KEYS[1], 'boot', 'kills', 'died-before')
if before[1] then
  redis.call('HDEL', KEYS[1], 'boot', 'kills', 'died-before')
  if before[1] == ARGV[2] and tonumber(ARGV[3]) > tonumber(before[2]) and before[3] == died then
    redis.call('HINCRBY', KEYS[1], 'starved', 1)
  end
end
return {started, tonumber(died), tonumber(redis.call('HGET', KEYS[1], 'starved') or '0')}
