#!lua flags=no-writes
-- Reads what is known of the view as a whole, in one moment.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] barrier        hash of the newest barrier
-- KEYS[3] parked         hash of parked records
-- KEYS[4] problems       hash, topic partition -> problem as JSON
--
-- Returns one of
--   {'status', {field, value, ...} of state, the same of barrier, parked records, of problems}
--   {'type', key, reason}

local state = KEYS[1]
local barrier = KEYS[2]
local parked = KEYS[3]
local problems = KEYS[4]

local standing = redis.pcall('HGETALL', state)
if standing.err then return {'type', state, standing.err} end
local newest = redis.pcall('HGETALL', barrier)
if newest.err then return {'type', barrier, newest.err} end
local count = redis.pcall('HLEN', parked)
if type(count) == 'table' then return {'type', parked, count.err} end
local stops = redis.pcall('HGETALL', problems)
if stops.err then return {'type', problems, stops.err} end
return {'status', standing, newest, count, stops}
