-- Says which revision a deletion event means, the same at every redelivery: the newest that was known at first.
-- KEYS 1 what was said before  2 status  3 guard. ARGV 1 seconds to remember it.
local known = redis.call('GET', KEYS[1])
if not known then
  known = math.max(1, tonumber(redis.call('HGET', KEYS[2], 'revision') or 0),
    tonumber(redis.call('GET', KEYS[3]) or 0))
  redis.call('SET', KEYS[1], string.format('%d', known), 'EX', ARGV[1])
end
return tonumber(known)
