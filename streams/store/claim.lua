-- Stores a signal's bytes under its id if absent, and returns what is stored.
-- KEYS 1 the video's claims  2 its deletion marker  3 its status  4 recognised text of the modality, where it has any
-- ARGV 1 signal id  2 the packed bytes  3 seconds to keep the claims  4 revision of the signal
--      5 recognised text, '' for none  6 seconds to keep it
-- The text goes with the first claim: it is that of the published signal, and of no older one.
-- Claims that are met again live on: a replay may come as late as the log allows. With each claim, under '#' and its
-- id, is its revision, so that a deletion takes those that it reaches and no others.
-- Returns nothing where the revision is forgotten, or no longer the newest and unclaimed: a deletion of it may have come
-- and its marker gone with the next life, while the signal was computed. Its claim went as well, but not what was published.
local deletion_marker = tonumber(redis.call('GET', KEYS[2]) or '')
if deletion_marker and deletion_marker >= tonumber(ARGV[4]) then
  return false
end
local status = redis.call('TYPE', KEYS[3])['ok'] == 'hash' and redis.call('HGET', KEYS[3], 'revision')
if status and (tonumber(status) or 0) > tonumber(ARGV[4]) and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return false
end
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 then
  redis.call('HSET', KEYS[1], '#' .. ARGV[1], ARGV[4])
  if KEYS[4] and ARGV[5] == '' then
    redis.call('DEL', KEYS[4])
  elseif KEYS[4] then
    redis.call('SET', KEYS[4], ARGV[5], 'EX', ARGV[6])
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return redis.call('HGET', KEYS[1], ARGV[1])
