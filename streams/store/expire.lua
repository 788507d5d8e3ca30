-- Removes what is kept of a video, unless an outcome followed the one that was read.
-- KEYS  1 state  2 status  3 and on: everything else that is to go, the gap at the end: all of one video
-- ARGV  1 version of the outcome as read  2 its revision
-- Returns 1 where it is gone, 0 where something newer stands, or waits in a gap.
if redis.call('EXISTS', KEYS[#KEYS]) == 1 then
  return 0
end
if redis.call('HGET', KEYS[1], 'outcome_version') ~= ARGV[1] then
  return 0
end
local revision = tonumber(redis.call('HGET', KEYS[2], 'revision') or '')
redis.call('DEL', KEYS[1], unpack(KEYS, 3))
-- Intake may have registered a newer revision already: that one is only beginning.
if revision and revision <= tonumber(ARGV[2]) then
  redis.call('DEL', KEYS[2])
end
return 1
