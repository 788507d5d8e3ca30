-- Opens a gap of a video, or lets one more fact wait behind it.
-- KEYS  1 the gap  2 the status hash: both of one video
-- ARGV  1 cause  2 message  3 partition of the log  4 generation of the log  5 offset of the fact that waits
--       6 time in Unix seconds  7 our release  8 kind of a newer fact, '' for none  9 its type, '' for none
--       10 all deletions that wait as JSON, or '?', where the fact is one, else ''
--       11 why the fact was given up as JSON, until its dead letter is written; '' where it was not
-- Returns 1 where the gap was opened, 0 where it stood.
local found = redis.call('TYPE', KEYS[1])['ok']
if found ~= 'hash' then
  redis.call('DEL', KEYS[1])
end
local opened = redis.call('HSETNX', KEYS[1], 'first_offset', ARGV[5])
if opened == 1 then
  redis.call('HSET', KEYS[1], 'cause', ARGV[1], 'message', ARGV[2], 'partition', ARGV[3], 'since_unix_seconds', ARGV[6],
    'release', ARGV[7], 'kind', ARGV[8], 'type', ARGV[9], 'refolds', '0', 'deletion_waits', '0')
end
local waits = redis.call('HMGET', KEYS[1], 'log_generation', 'waiting_offset')
if waits[1] ~= ARGV[4] or (tonumber(waits[2] or '') or -1) < tonumber(ARGV[5]) then
  redis.call('HSET', KEYS[1], 'log_generation', ARGV[4], 'waiting_offset', ARGV[5])
end
if ARGV[10] ~= '' then
  redis.call('HSET', KEYS[1], 'deletion_waits', '1', 'deletion', ARGV[10])
end
if ARGV[11] ~= '' then
  redis.call('HSET', KEYS[1], 'owed:' .. ARGV[5], ARGV[11])
end
if redis.call('TYPE', KEYS[2])['ok'] == 'hash' then
  local since = redis.call('HGET', KEYS[1], 'since_unix_seconds')
  redis.call('HSET', KEYS[2], 'gap', redis.call('HGET', KEYS[1], 'cause') or '', 'gap_since_unix_seconds', since or '')
end
return opened
