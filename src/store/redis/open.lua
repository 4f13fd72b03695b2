#!lua
-- Opens the first generation where there is no state at all.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash of checkpoints
-- KEYS[3] parked         hash of parked records
-- KEYS[4] problems       hash of problems
-- KEYS[5] barrier        hash of the newest barrier
-- ARGV[1] generation     new random id
-- ARGV[2] topics         partition counts by topic, as JSON
--
-- Returns one of
--   {'opened'}
--   {'conflict'} when there is a state

local state = KEYS[1]
local checkpoints = KEYS[2]
local parked = KEYS[3]
local problems = KEYS[4]
local barrier = KEYS[5]
local generation = ARGV[1]
local topics = ARGV[2]

if redis.call('EXISTS', state) == 1 then return {'conflict'} end
-- A state that was lost may have left these behind: they speak of another generation.
redis.call('DEL', checkpoints, parked, problems, barrier)
redis.call('HSET', state, 'id', generation, 'number', '1', 'phase', 'building', 'topics', topics)
return {'opened'}
