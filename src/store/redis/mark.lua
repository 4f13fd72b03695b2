#!lua
-- Marks a generation to be rebuilt, unless it is marked already.
--
-- KEYS[1] state          hash of the view's state
-- ARGV[1] generation     id that the state must have
-- ARGV[2] mark           why, as JSON
--
-- Returns one of
--   {'marked'}
--   {'conflict'} when the generation is another one
--   {'type', key, reason}

local state = KEYS[1]
local generation = ARGV[1]
local mark = ARGV[2]

local standing = redis.pcall('HMGET', state, 'id', 'phase')
if standing.err then return {'type', state, standing.err} end
if standing[1] ~= generation or standing[2] == 'dropping' then return {'conflict'} end
redis.call('HSETNX', state, 'mark', mark)
return {'marked'}
