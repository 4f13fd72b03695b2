#!lua flags=no-writes
-- Reads what is known of the view as a whole, in one moment.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] doubts         hash, name -> doubt
-- KEYS[3] parked         hash of parked records
-- KEYS[4] problems       hash, place -> problem as JSON
--
-- Returns one of
--   {'status', {field, value, ...} of state, the same of doubts, parked records that are kept,
--     {place, problem, ...}, time in milliseconds since 1970, INFO stats or nothing}
--   {'type', key, reason}

local state = KEYS[1]
local doubts = KEYS[2]
local parked = KEYS[3]
local problems = KEYS[4]

-- include clock

local standing = redis.pcall('HGETALL', state)
if standing.err then return {'type', state, standing.err} end
local raised = redis.pcall('HGETALL', doubts)
if raised.err then return {'type', doubts, raised.err} end
local count = redis.pcall('HLEN', parked)
if type(count) == 'table' then return {'type', parked, count.err} end
local stops = redis.pcall('HGETALL', problems)
if stops.err then return {'type', problems, stops.err} end
local stats = redis.pcall('INFO', 'stats')
if type(stats) == 'table' then stats = '' end
return {'status', standing, raised, count, stops, nowMs(), stats}
