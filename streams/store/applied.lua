-- Raises an applied offset, unless the store has less than the writer saw before: then it lost what it had.
-- KEYS 1 the applied offset  ARGV 1 what the writer read or wrote last, '' where that was nothing  2 the offset
-- A higher one stays: it was written by a rebuild, or by the worker that has the partition by now.
-- Returns what stands there afterwards, -1 for nothing; less than ARGV[1] where it was refused.
local stored = redis.call('GET', KEYS[1])
local known = stored and tonumber(stored) or -1
if ARGV[1] ~= '' and known < tonumber(ARGV[1]) then
  return known
end
if known < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[2])
  return tonumber(ARGV[2])
end
return known
