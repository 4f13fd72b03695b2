#!lua
-- Forgets all parked records, and how many were not kept.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] parked         hash of parked records
--
-- Returns one of
--   {'cleared', how many there were}
--   {'type', key, reason}

local state = KEYS[1]
local parked = KEYS[2]

-- include rights

local beyond = redis.pcall('HGET', state, 'parked-beyond')
if type(beyond) == 'table' then return {'type', state, beyond.err} end
local count = redis.pcall('HLEN', parked)
if type(count) == 'table' then return {'type', parked, count.err} end
redis.call('UNLINK', parked)
redis.call('HDEL', state, 'parked-beyond')
return {'cleared', count + (tonumber(beyond or '0') or 0)}
