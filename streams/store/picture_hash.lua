-- Writes one picture's hash into the set of all, by commands that reach the append-only file and the replicas: Redis 8.2
-- keeps a VADD of a member that exists in memory alone.
-- KEYS 1 the vector set  ARGV 1 member  2 numbers as VADD takes them  3 links of a member  4 effort of its search
redis.call('VREM', KEYS[1], ARGV[1])
redis.call('VADD', KEYS[1], 'FP32', ARGV[2], ARGV[1], 'BIN', 'EF', ARGV[4], 'M', ARGV[3])
return 1
