-- Forgets a video up to a revision, if nobody folded another fact meanwhile, and leaves a deletion marker.
-- KEYS  1 state  2 status  3 deletion marker  4 deletion  5 claims  6 and on: everything else of the video that is to go,
--       the gap at the end
-- ARGV  1 generation and 2 applied offset that the writer had read ('' and '' where there was no state)
--       3 generation and 4 applied offset to write  5 packed state  6 version of the deletion  7 its revision
--       8 seconds that the deletion marker is kept  9 the deletion as JSON
--       10 '' for a fold; of a refold that closes the gap, the offset of the last fact that it read
-- Returns 1 where it was written, else what `refusal_of_write` says.
-- Uses may_write.lua.
local refused = refusal_of_write(KEYS[1], KEYS[#KEYS], ARGV[10])
if refused then
  return refused
end
-- Asked before anything is written: where that key is of another type, nothing must be half done.
local revision = tonumber(redis.call('HGET', KEYS[2], 'revision') or '')
local said = redis.call('TYPE', KEYS[#KEYS])['ok'] == 'hash' and redis.call('HGET', KEYS[#KEYS], 'said')
redis.call('DEL', KEYS[1], unpack(KEYS, 6))
if redis.call('TYPE', KEYS[5])['ok'] ~= 'hash' then
  redis.call('DEL', KEYS[5])
else
  -- A higher revision is a new life, whose signals may be published already: they must not be computed once more.
  for _, name in ipairs(redis.call('HKEYS', KEYS[5])) do
    if string.sub(name, 1, 1) ~= '#' then
      local claimed = tonumber(redis.call('HGET', KEYS[5], '#' .. name) or '')
      if not claimed or claimed <= tonumber(ARGV[7]) then
        redis.call('HDEL', KEYS[5], name, '#' .. name)
      end
    end
  end
end
redis.call('HSET', KEYS[1], 'log_generation', ARGV[3], 'applied_offset', ARGV[4], 'state', ARGV[5],
  'outcome_version', ARGV[6])
redis.call('EXPIRE', KEYS[1], ARGV[8])
redis.call('SET', KEYS[3], ARGV[7], 'EX', ARGV[8])
redis.call('SET', KEYS[4], ARGV[9], 'EX', ARGV[8])
redis.call('HDEL', KEYS[2], 'gap', 'gap_since_unix_seconds')
-- Intake may have registered a newer revision already: that is a new life.
if revision and revision <= tonumber(ARGV[7]) then
  redis.call('DEL', KEYS[2])
elseif revision and said then
  -- What was said of it in the gap went with the gap.
  redis.call('HSET', KEYS[2], 'status', 'pending')
  redis.call('HDEL', KEYS[2], 'action')
end
return 1
