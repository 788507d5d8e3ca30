-- Takes away what readers find of a video whose deletion waits in a gap, and guards it, as the fold will.
-- KEYS  1 gap  2 status  3 verdict  4 deletion marker  5 deletion  6 and on: what is served beside the verdict: all of one video
-- ARGV  1 revision in the status and 2 the verdict as the writer had read them, '' for none
--       3 revision up to which the video is gone  4 the deletion as JSON  5 seconds that both are kept
--       6 '1' where what is served is gone with it
-- Returns 1, and 0 where status or verdict changed meanwhile; nothing is done where the gap was closed.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 1
end
local revision = redis.call('HGET', KEYS[2], 'revision') or ''
if revision ~= ARGV[1] or (redis.call('GET', KEYS[3]) or '') ~= ARGV[2] then
  return 0
end
local deletion_marker = tonumber(redis.call('GET', KEYS[4]) or '')
if not deletion_marker or deletion_marker <= tonumber(ARGV[3]) then
  redis.call('SET', KEYS[4], ARGV[3], 'EX', ARGV[5])
  redis.call('SET', KEYS[5], ARGV[4], 'EX', ARGV[5])
end
if tonumber(revision) and tonumber(revision) <= tonumber(ARGV[3]) then
  redis.call('DEL', KEYS[2])
end
if ARGV[6] == '1' then
  redis.call('DEL', KEYS[3], unpack(KEYS, 6))
end
return 1
