-- Notes that what was said in a gap is out in both topics.
-- KEYS  1 the gap. ARGV  1 version of what was said
-- Returns 1, and 0 where the gap was closed meanwhile, or says something else.
if redis.call('TYPE', KEYS[1])['ok'] ~= 'hash' or redis.call('HGET', KEYS[1], 'said') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'told', '1')
return 1
