#!lua
-- Takes or renews the coordinator's lease.
--
-- KEYS[1] lease          string, the holder, which Redis forgets in time
-- ARGV[1] holder         who asks
-- ARGV[2] ttlMs          for how long
--
-- Returns one of
--   {'held'}
--   {'conflict'} while another holds it
--   {'type', key, reason}

local lease = KEYS[1]
local holder = ARGV[1]
local ttlMs = ARGV[2]

local found = redis.pcall('GET', lease)
if type(found) == 'table' then return {'type', lease, found.err} end
if found and found ~= holder then return {'conflict'} end
redis.call('SET', lease, holder, 'PX', ttlMs)
return {'held'}
