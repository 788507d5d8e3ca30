-- Serves what holds of a video while its facts cannot be folded; nothing where the gap was closed meanwhile.
-- KEYS  1 the gap  2 the status hash  3 the verdict: all of one video
-- ARGV  1 verdict as JSON, then fields and values of the status
-- Returns 1 where it was written.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 2))
redis.call('SET', KEYS[3], ARGV[1])
return 1
