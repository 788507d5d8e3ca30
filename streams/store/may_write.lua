-- Whether a state may be written, for the scripts that write one.
-- ARGV of those scripts  1 generation and 2 applied offset that the writer had read ('' and '' where there was no state)
--                        3 generation to write

-- state, gap: their keys. closes: '' for a fold; of a refold that closes the gap, the offset of the last fact that it
-- read. Returns nil where it may be written, 0 where the race was lost, -1 where a fact waits in a gap that this was not
-- made of.
local function refusal_of_write(state, gap, closes)
  local in_gap = redis.call('EXISTS', gap) == 1
  if closes == '' then
    if in_gap then
      return -1
    end
    local known = redis.call('HMGET', state, 'log_generation', 'applied_offset')
    return ((known[1] or '') ~= ARGV[1] or (known[2] or '') ~= ARGV[2]) and 0 or nil
  end
  if not in_gap then
    return 0
  end
  if redis.call('TYPE', gap)['ok'] == 'hash' then
    local waits = redis.call('HMGET', gap, 'log_generation', 'waiting_offset')
    if waits[1] == ARGV[3] and (tonumber(waits[2] or '') or 0) > tonumber(closes) then
      return -1
    end
  end
  return nil
end

