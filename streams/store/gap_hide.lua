-- Takes away what readers find of a video whose deletion waits in a gap, and keeps its uploads off, as the fold will.
-- KEYS  1 gap  2 status  3 verdict  4 deletion marker  5 deletion  6 engagement  7 and 8 recognised text  9 and on: the
--       verdict's evidence: all of one video
-- ARGV  1 revision in the status and 2 the verdict as the writer had read them, '' for none
--       3 revision up to which the video is gone  4 the deletion as JSON, '' where it is not known: then no upload is
--       kept off  5 seconds that both are kept  6 '1' where the verdict is gone  7 '1' where its evidence is
-- Returns 1, and 0 where status or verdict changed meanwhile; 2 where no gap stands, and nothing was done.
local gap = redis.call('TYPE', KEYS[1])['ok']
if gap == 'none' then
  return 2
end
local revision = redis.call('HGET', KEYS[2], 'revision') or ''
if revision ~= ARGV[1] or (redis.call('GET', KEYS[3]) or '') ~= ARGV[2] then
  return 0
end
local dead = tonumber(ARGV[3])
if ARGV[4] ~= '' then
  local deletion_marker = tonumber(redis.call('GET', KEYS[4]) or '')
  if not deletion_marker or deletion_marker <= dead then
    redis.call('SET', KEYS[4], ARGV[3], 'EX', ARGV[5])
    redis.call('SET', KEYS[5], ARGV[4], 'EX', ARGV[5])
  end
end
local lives = tonumber(revision) and tonumber(revision) > dead
if not lives then
  redis.call('DEL', KEYS[2], KEYS[7], KEYS[8])
end
if ARGV[6] == '1' then
  redis.call('DEL', KEYS[3])
  if not lives then
    redis.call('DEL', KEYS[6])  -- counts of a new life are not told from those before it
  end
  if gap == 'hash' then
    -- A worker that is just publishing it learns that it is gone, and takes it back.
    redis.call('HDEL', KEYS[1], 'said', 'told')
  end
end
if ARGV[7] == '1' then
  redis.call('DEL', unpack(KEYS, 7))
end
return 1
