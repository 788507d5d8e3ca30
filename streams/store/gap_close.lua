-- Closes a gap of a video of which the log holds nothing that makes a state.
-- KEYS  1 the gap  2 the state  3 the status  4 the verdict. ARGV  1 generation of the log  2 offset of the last fact that was read
-- Returns 1 where it is closed, 0 where another fact waits by now.
if redis.call('TYPE', KEYS[1])['ok'] == 'hash' then
  local waits = redis.call('HMGET', KEYS[1], 'log_generation', 'waiting_offset')
  if waits[1] == ARGV[1] and (tonumber(waits[2] or '') or 0) > tonumber(ARGV[2]) then
    return 0
  end
end
local said = redis.call('TYPE', KEYS[1])['ok'] == 'hash' and redis.call('HGET', KEYS[1], 'said')
redis.call('DEL', KEYS[1], KEYS[2])
if said then
  redis.call('DEL', KEYS[4])  -- it was said in the gap alone
end
if redis.call('TYPE', KEYS[3])['ok'] == 'hash' then
  redis.call('HDEL', KEYS[3], 'gap', 'gap_since_unix_seconds')
  if said then
    redis.call('HSET', KEYS[3], 'status', 'pending')
    redis.call('HDEL', KEYS[3], 'action')
  end
end
return 1
