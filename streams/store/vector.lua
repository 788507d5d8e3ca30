-- Writes a video's vector and attributes into one space, by commands that reach the append-only file and the replicas.
-- Redis 8.2 keeps a VADD of a member that exists in memory alone: after a restart the member's first state is back.
-- KEYS 1 the vector set  ARGV 1 member  2 numbers as VADD takes them  3 quantisation  4 attributes as JSON
--      5 the field of the attributes that tells one vector from another, as it is spelt in them
-- A search sees the member before or after, never without it.
local known = redis.call('VGETATTR', KEYS[1], ARGV[1])
if known and string.find(known, ARGV[5], 1, true) then
  redis.call('VSETATTR', KEYS[1], ARGV[1], ARGV[4])
else
  redis.call('VREM', KEYS[1], ARGV[1])
  redis.call('VADD', KEYS[1], 'FP32', ARGV[2], ARGV[1], ARGV[3], 'SETATTR', ARGV[4])
end
return 1
