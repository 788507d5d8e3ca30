-- Removes a deadline unless it was registered again for another time meanwhile.
-- KEYS[1] sorted set. ARGV[1] member, ARGV[2] due time in seconds as read.
-- Returns 1 where it was removed.
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if due and tonumber(due) == tonumber(ARGV[2]) then
  return redis.call('ZREM', KEYS[1], ARGV[1])
end
return 0
