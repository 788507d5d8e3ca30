-- Says whether the video of a dead letter is deleted, and remembers the letter in the same step.
-- KEYS 1 the video's letters  2 its guard
-- ARGV 1 key of the letter's record  2 its partition, '' to remember nothing  3 seconds to keep what is remembered
--      4 revision that the event is about, '' where it cannot be read
-- Returns 1 where it is deleted: whoever wrote the letter has to withdraw it. A deletion that comes later finds it here.
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
local guard = redis.call('GET', KEYS[2])
if not guard or (ARGV[4] ~= '' and tonumber(guard) < tonumber(ARGV[4])) then
  return 0
end
return 1
