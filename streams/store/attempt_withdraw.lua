-- Takes a start back, of an event that was put back in order; where the event was answered meanwhile there is nothing.
-- KEYS 1 the event's attempts
-- ARGV 1 alone starts to take back  2 deaths that were counted beforehand
if redis.call('EXISTS', KEYS[1]) == 0 then
  return
end
local started = redis.call('HINCRBY', KEYS[1], 'started', -1)
if ARGV[1] ~= '0' then
  redis.call('HINCRBY', KEYS[1], 'alone', -ARGV[1])
  redis.call('HINCRBY', KEYS[1], 'died', -ARGV[2])
  redis.call('HDEL', KEYS[1], 'boot', 'kills', 'died-before')
end
if started <= 0 then
  redis.call('DEL', KEYS[1])
end
