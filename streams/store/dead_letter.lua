-- Remembers a dead letter of a video, and says in the same step what is known of the video's deletion.
-- KEYS 1 the video's dead letters  2 its deletion marker  3 its deletion
-- ARGV 1 key of the dead letter's record  2 its partition, '' to remember nothing  3 seconds to keep what is remembered
-- Returns the deletion marker and the deletion. The writer of the dead letter withdraws it where they reach its event; a deletion that
-- comes later finds the dead letter here.
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return {redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3])}
