-- Notes something in a gap that stands, and its cause in the status, where readers look.
-- KEYS  1 the gap  2 the status hash. ARGV  field, value, field, value, ...
-- Returns 1 where it stands.
if redis.call('TYPE', KEYS[1])['ok'] ~= 'hash' then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV))
local cause = redis.call('HGET', KEYS[1], 'cause')
if cause and redis.call('TYPE', KEYS[2])['ok'] == 'hash' then
  redis.call('HSET', KEYS[2], 'gap', cause)
end
return 1
