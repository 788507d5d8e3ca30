-- Writes what one fact made of a video, if nobody folded another fact meanwhile.
-- KEYS  1 state  2 status  3 verdict  4 features  5 embeddings  6 deletion marker  7 deletion  8 engagement  9 gap: all of one video
-- ARGV  1 generation and 2 applied offset that the writer had read ('' and '' where there was no state)
--       3 generation and 4 applied offset to write
--       5 packed state  6 a deletion that the current revision outlives as JSON, '' for none  7 seconds to keep it
--       8 packed outcome, '' for none; then 9 new warnings as JSON, '' for none  10 their revision  11 and 12 ''
--       else 9 version of the outcome  10 its revision  11 verdict as JSON
--       12 seconds that a known video's counts are kept
--       13 '' for a fold; of a refold that closes the gap, the offset of the last fact that it read
--       then three lists, each led by its length: fields and values of status, features and embeddings
-- Returns 1 where it was written, else what `refusal_of_write` says.
-- Uses may_write.lua.
local closes = ARGV[13] ~= ''
local refused = refusal_of_write(KEYS[1], KEYS[9], ARGV[13])
if refused then
  return refused
end
-- Asked before anything is written: where that key is of another type, nothing must be half done.
local revision = tonumber(redis.call('HGET', KEYS[2], 'revision') or '')
if closes then
  local said = redis.call('TYPE', KEYS[9])['ok'] == 'hash' and redis.call('HGET', KEYS[9], 'said')
  redis.call('DEL', KEYS[1], KEYS[9])
  redis.call('HDEL', KEYS[2], 'gap', 'gap_since_unix_seconds')
  if said then
    -- It may reach the topics even now: only an outcome of a higher version outdoes it, see `RepairVideo`.
    redis.call('HSET', KEYS[1], 'said_version', said)
    if ARGV[8] == '' then
      redis.call('DEL', KEYS[3])
      redis.call('HSET', KEYS[2], 'status', 'pending')
      redis.call('HDEL', KEYS[2], 'action')
    end
  end
elseif ARGV[8] ~= '' then
  redis.call('HDEL', KEYS[1], 'said_version')
end
redis.call('HSET', KEYS[1], 'log_generation', ARGV[3], 'applied_offset', ARGV[4], 'state', ARGV[5])
if ARGV[6] ~= '' then
  redis.call('SET', KEYS[7], ARGV[6], 'EX', ARGV[7])
end
if ARGV[8] == '' then
  if ARGV[9] ~= '' and revision == tonumber(ARGV[10]) then
    redis.call('HSET', KEYS[2], 'warnings', ARGV[9])
  end
  return 1
end

local place = 14
local function replace_hash(key)
  local length = tonumber(ARGV[place])
  redis.call('DEL', key)
  if length > 0 then
    redis.call('HSET', key, unpack(ARGV, place + 1, place + length))
  end
  place = place + length + 1
end

-- What has an outcome lives: an earlier life's deletion marker and the end of its state go.
redis.call('DEL', KEYS[6])
redis.call('PERSIST', KEYS[1])
redis.call('HSET', KEYS[1], 'outcome', ARGV[8], 'outcome_version', ARGV[9])
redis.call('SET', KEYS[3], ARGV[11])
-- Intake may have registered a newer revision already, whose status is not ours to hide.
if not revision then
  -- Counts that came before their video, or before a rebuild, were given a stranger's short life.
  redis.call('EXPIRE', KEYS[8], ARGV[12], 'GT')
end
if not revision or revision <= tonumber(ARGV[10]) then
  replace_hash(KEYS[2])
else
  place = place + tonumber(ARGV[place]) + 1
end
replace_hash(KEYS[4])
replace_hash(KEYS[5])
return 1
