#!lua flags=allow-oom
-- Ends a drop: the books go, and with them the state, which no one had to miss until now.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash of checkpoints
-- KEYS[3] parked         hash of parked records
-- KEYS[4] problems       hash of problems
-- KEYS[5] barrier        hash of the newest barrier
-- ARGV[1] generation     id of the dropping state
--
-- Returns one of
--   {'removed', keys that were there}
--   {'conflict'} when somebody else has finished

local state = KEYS[1]
local checkpoints = KEYS[2]
local parked = KEYS[3]
local problems = KEYS[4]
local barrier = KEYS[5]
local generation = ARGV[1]

local standing = redis.pcall('HMGET', state, 'id', 'phase')
if standing[1] ~= generation or standing[2] ~= 'dropping' then return {'conflict'} end
local removed = redis.call('UNLINK', checkpoints, parked, problems, barrier)
redis.call('DEL', state)
return {'removed', removed}
