#!lua flags=allow-oom
-- Turns the state to dropping, so that every commit and pour conflicts and readers are told.
-- Compares what the caller saw: a call that arrives late must not drop what came after.
-- Allowed when Redis is full, for what follows makes room.
--
-- KEYS[1] state          hash of the view's state
-- ARGV[1] seen           id that the state must have; empty when there must be no state, or
--                        something that is none
-- ARGV[2] generation     new random id
--
-- Returns one of
--   {'dropping', id}     the new id, or that of the dropping state that was seen
--   {'conflict'} when the state is another one

local state = KEYS[1]
local seen = ARGV[1]
local generation = ARGV[2]

local standing = redis.pcall('HMGET', state, 'id', 'phase', 'topics')
local id = standing[1] or ''
-- A call whose reply was lost comes again, and finds what it has done.
if id ~= seen and id ~= generation then return {'conflict'} end
if standing[2] == 'dropping' and id ~= '' then return {'dropping', id} end
redis.call('DEL', state)
redis.call('HSET', state, 'id', generation, 'number', '1', 'phase', 'dropping',
  'topics', standing[3] or '{}')
return {'dropping', generation}
