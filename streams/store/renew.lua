-- Lengthens a claim, unless the entry was registered again for another time or removed meanwhile.
-- KEYS 1 sorted set. ARGV 1 member  2 end of the claim as known  3 its new end, in seconds.
-- Returns 1 where it was lengthened.
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if score and tonumber(score) == tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[1], 'XX', ARGV[3], ARGV[1])
  return 1
end
return 0
