#!lua
-- Gives a view its instance, where an earlier release has begun it without one.
--
-- KEYS[1] state          hash of the view's state
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] instance       random text
--
-- Returns one of
--   {'given'}
--   {'conflict'} when the epoch is another one, or the view has an instance
--   {'type', key, reason}

local state = KEYS[1]
local epoch = ARGV[1]
local instance = ARGV[2]

-- include rights

local standing = redis.pcall('HMGET', state, 'epoch', 'instance')
if standing.err then return {'type', state, standing.err} end
if standing[1] ~= epoch or standing[2] then return {'conflict'} end
redis.call('HSET', state, 'instance', instance)
return {'given'}
