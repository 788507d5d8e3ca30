-- Claims what is due, for some seconds: until then nobody else finds it, and after that everybody, should the claimer die.
-- KEYS 1 sorted set. ARGV 1 now in seconds  2 end of the claim in seconds  3 how many at most.
-- Returns the members, the oldest first; their score is the end of the claim.
local members = redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, member in ipairs(members) do
  redis.call('ZADD', KEYS[1], 'XX', ARGV[2], member)
end
return members
