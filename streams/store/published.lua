-- Notes that an outcome is out, if it is still the current one.
-- KEYS[1] state. ARGV[1] version of the outcome that the broker confirmed.
-- Returns the version of the current outcome.
local current = redis.call('HGET', KEYS[1], 'outcome_version')
if current == ARGV[1] then
  redis.call('HSET', KEYS[1], 'published_version', current)
end
return current
