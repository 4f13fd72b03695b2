#!lua
-- Changes what somebody has asked for.
--
-- KEYS[1] wanted         what is asked for, as JSON
-- ARGV[1] before         what must stand there, after `=`; empty for none
-- ARGV[2] after          what is to stand there
--
-- Returns one of
--   {'changed'}
--   {'conflict'} when something else stands there
--   {'type', key, reason}

local wanted = KEYS[1]
local before = ARGV[1]
local after = ARGV[2]

-- include rights

local standing = redis.pcall('GET', wanted)
if standing and standing.err then return {'type', wanted, standing.err} end
if (standing and '=' .. standing or '') ~= before then return {'conflict'} end
redis.call('SET', wanted, after)
return {'changed'}
