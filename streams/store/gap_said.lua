-- Serves what holds of a video while its facts cannot be folded, if nothing changed since that was decided, and notes it
-- in the gap: the worker that closes the gap then has the video decided once more.
-- KEYS  1 the gap  2 the status hash  3 the verdict  4 the deletion marker: all of one video
-- ARGV  1 generation and 2 offset of the first fact that waits, and 3 the revision in the status and 4 the verdict as
--       the writer had read them, '' for none
--       5 version of what is said  6 verdict as JSON, then fields and values of the status
-- Returns 1 where it was written, 0 where something changed, or where a deletion waits that may reach it.
if redis.call('TYPE', KEYS[1])['ok'] ~= 'hash' then
  return 0
end
local gap = redis.call('HMGET', KEYS[1], 'log_generation', 'first_offset', 'deletion_waits')
if gap[1] ~= ARGV[1] or gap[2] ~= ARGV[2] then
  return 0
end
if gap[3] == '1' then
  local dead = tonumber(redis.call('GET', KEYS[4]) or '')
  if not dead or tonumber(string.match(ARGV[5], '^%d+')) <= dead then
    return 0
  end
end
local revision = redis.call('HGET', KEYS[2], 'revision') or ''
if revision ~= ARGV[3] or (redis.call('GET', KEYS[3]) or '') ~= ARGV[4] then
  return 0
end
redis.call('HSET', KEYS[1], 'said', ARGV[5])
redis.call('HDEL', KEYS[1], 'told')
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 7))
redis.call('SET', KEYS[3], ARGV[6])
return 1
