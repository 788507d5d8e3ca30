-- Notes a refusal in addition to what is known of its video, if the video's deletion is still as the writer judged it.
-- KEYS 1 the video's refusals  2 its deletion marker  3 its deletion
-- ARGV 1 deletion marker and 2 deletion as the writer saw them, '' where there was none  3 id of the dead letter
--      4 the refusal as JSON  5 how many are kept  6 seconds to keep them
-- Returns 1, and 0 with deletion marker and deletion where one of them is another by now.
local deletion_marker = redis.call('GET', KEYS[2]) or ''
local deletion = redis.call('GET', KEYS[3]) or ''
if deletion_marker ~= ARGV[1] or deletion ~= ARGV[2] then
  return {0, deletion_marker, deletion}
end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
while redis.call('HLEN', KEYS[1]) > tonumber(ARGV[5]) do
  local fields = redis.call('HGETALL', KEYS[1])
  local oldest, since = nil, nil
  for place = 1, #fields, 2 do
    -- What cannot be read goes first.
    local is_read, found = pcall(cjson.decode, fields[place + 1])
    local refused = is_read and type(found) == 'table' and tonumber(found.refused_unix_seconds) or 0
    if not since or refused < since or (refused == since and fields[place] < oldest) then
      oldest, since = fields[place], refused
    end
  end
  redis.call('HDEL', KEYS[1], oldest)
end
redis.call('EXPIRE', KEYS[1], ARGV[6])
return {1, deletion_marker, deletion}
