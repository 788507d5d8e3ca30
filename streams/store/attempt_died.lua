-- Counts that a worker died by itself with this event alone in it; nothing where the event was answered.
-- KEYS 1 the event's attempts
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], 'died', 1)
end
