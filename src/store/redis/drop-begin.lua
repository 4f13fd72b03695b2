#!lua flags=allow-oom
-- Turns the state to dropping, so that every commit and pour conflicts and readers are told.
-- Compares what the caller saw: a call that arrives late must not drop what came after.
-- Allowed when Redis is full, for what follows makes room.
--
-- KEYS[1] state          hash of the view's state
-- ARGV[1] seen           id that the state must have; empty when there must be no state,
--                        '?' when it must be something that is no state
-- ARGV[2] generation     new random id
--
-- Returns one of
--   {'dropping', id}     the new id, or that of a dropping state that was there
--   {'conflict'} when the state is another one

local state = KEYS[1]
local seen = ARGV[1]
local generation = ARGV[2]

local standing = redis.pcall('HMGET', state, 'id', 'phase', 'topics')
local id = standing.err and '?' or standing[1] or ''
if standing[2] == 'dropping' and id ~= '' then return {'dropping', id} end
if id ~= seen then return {'conflict'} end
redis.call('DEL', state)
redis.call('HSET', state, 'id', generation, 'number', '1', 'phase', 'dropping',
  'topics', standing[3] or '{}')
return {'dropping', generation}
