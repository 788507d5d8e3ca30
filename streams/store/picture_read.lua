-- Returns the bits of some members of the set of all pictures' hashes, each as it is stored; nil for one that is not there.
-- KEYS 1 the vector set  ARGV the members
local found = {}
for number, member in ipairs(ARGV) do
  local raw = redis.call('VEMB', KEYS[1], member, 'RAW')
  found[number] = raw and raw[2] or false
end
return found
