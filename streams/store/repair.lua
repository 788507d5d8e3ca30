-- Removes keys of ours that hold what we never write: another type, or no number where a number belongs.
-- KEYS  names. ARGV  for each the type that it has, then ':' and what has to be whole numbers, separated by commas: names
--       of fields of a hash, or '#' for a string itself; of a vector set, how its numbers are stored.
-- Returns the names that were removed.
local function quantisation(key)
  local said = redis.call('VINFO', key)
  for place = 1, #said, 2 do
    if said[place] == 'quant-type' then
      return said[place + 1]
    end
  end
end

local removed = {}
for place, key in ipairs(KEYS) do
  local kind, numbers = string.match(ARGV[place], '^([^:]+):?(.*)$')
  local found = redis.call('TYPE', key)['ok']
  local broken = found ~= 'none' and found ~= kind
  if found == kind and kind == 'vectorset' then
    broken = numbers ~= '' and quantisation(key) ~= numbers
  elseif found == kind then
    for field in string.gmatch(numbers, '[^,]+') do
      local value = field == '#' and redis.call('GET', key) or redis.call('HGET', key, field)
      if value and not string.match(value, '^%-?%d+$') then
        broken = true
      end
    end
  end
  if broken then
    redis.call('DEL', key)
    removed[#removed + 1] = key
  end
end
return removed
