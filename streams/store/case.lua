-- Registers a revision as pending, unless the same or a newer one is known, or it is forgotten.
-- KEYS 1 status hash  2 deletion marker  3 engagement
-- ARGV 1 revision  2 seconds that a known video's counts are kept, then field, value, field, value, ...
-- Returns 1 where it was written, 0 where the status says as much or more already, -1 where it is forgotten.
local deletion_marker = tonumber(redis.call('GET', KEYS[2]) or '')
if deletion_marker and deletion_marker >= tonumber(ARGV[1]) then
  return -1
end
local known = tonumber(redis.call('HGET', KEYS[1], 'revision') or '')
if known and known >= tonumber(ARGV[1]) then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'revision', ARGV[1], unpack(ARGV, 3))
if not known then
  -- Counts that came before their video were given a stranger's short life.
  redis.call('EXPIRE', KEYS[3], ARGV[2], 'GT')
end
return 1
