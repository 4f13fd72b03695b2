#!lua
-- Begins a view where there is no state at all.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint
-- KEYS[3] barriers       hash, number -> barrier as JSON
-- KEYS[4..] leftAt       hashes that a state which was lost may have left
-- ARGV[1] number         number of the first barrier
-- ARGV[2] barrier        the first barrier, as JSON
-- ARGV[3..] listsAt      lists: fields and values of the state in turn; topic partitions and
--   checkpoints in turn
--
-- Returns one of
--   {'opened'}
--   {'conflict', format of the state that is there}
--   {'type', key, reason}

local state = KEYS[1]
local checkpoints = KEYS[2]
local barriers = KEYS[3]
local leftAt = 4
local number = ARGV[1]
local barrier = ARGV[2]
local listsAt = 3

-- include lists
-- include rights

if redis.call('EXISTS', state) == 1 then
  local format = redis.pcall('HGET', state, 'format')
  if type(format) == 'table' then return {'type', state, format.err} end
  return {'conflict', format or ''}
end
redis.call('DEL', checkpoints, barriers, unpack(KEYS, leftAt))
local first, last, at = list(listsAt)
redis.call('HSET', state, unpack(ARGV, first, last))
first, last, at = list(at)
for i = first, last, 2 do redis.call('HSET', checkpoints, ARGV[i], ARGV[i + 1]) end
redis.call('HSET', barriers, number, barrier)
return {'opened'}
