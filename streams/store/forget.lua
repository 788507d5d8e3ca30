-- Forgets a video up to a revision, if nobody folded another fact meanwhile, and leaves a guard.
-- KEYS  1 state  2 status  3 guard  4 deletion  5 and on: everything else of the video that is to go
-- ARGV  1 generation and 2 applied offset that the writer had read ('' and '' where there was no state)
--       3 generation and 4 applied offset to write  5 packed state  6 version of the deletion  7 its revision
--       8 seconds that the guard is kept  9 the deletion as JSON
-- Returns 1 where it was written, 0 where the race was lost.
local known = redis.call('HMGET', KEYS[1], 'log_generation', 'applied_offset')
if (known[1] or '') ~= ARGV[1] or (known[2] or '') ~= ARGV[2] then
  return 0
end
redis.call('DEL', KEYS[1], unpack(KEYS, 5))
redis.call('HSET', KEYS[1], 'log_generation', ARGV[3], 'applied_offset', ARGV[4], 'state', ARGV[5],
  'outcome_version', ARGV[6])
redis.call('EXPIRE', KEYS[1], ARGV[8])
redis.call('SET', KEYS[3], ARGV[7], 'EX', ARGV[8])
redis.call('SET', KEYS[4], ARGV[9], 'EX', ARGV[8])
-- Intake may have registered a newer revision already: that is a new life.
local revision = redis.call('HGET', KEYS[2], 'revision')
if revision and tonumber(revision) <= tonumber(ARGV[7]) then
  redis.call('DEL', KEYS[2])
end
return 1
