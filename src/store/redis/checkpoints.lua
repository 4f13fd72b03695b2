#!lua flags=no-writes
-- Reads every checkpoint of one generation.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint as JSON
-- ARGV[1] generation     id that the state must have
--
-- Returns one of
--   {'checkpoints', topic partition, checkpoint, ...}, nothing more when the id is another one
--   {'type', key, reason}

local state = KEYS[1]
local checkpoints = KEYS[2]
local generation = ARGV[1]

local id = redis.pcall('HGET', state, 'id')
if type(id) == 'table' then return {'type', state, id.err} end
if id ~= generation then return {'checkpoints'} end
local found = redis.pcall('HGETALL', checkpoints)
if found.err then return {'type', checkpoints, found.err} end
return {'checkpoints', unpack(found)}
