#!lua
-- Takes or renews the coordinator's lease.
--
-- KEYS[1] lease          hash of the holder and its declaration, which Redis forgets in time
-- ARGV[1] holder         who asks
-- ARGV[2] declaration    for which declaration
-- ARGV[3] ttlMs          for how long
-- ARGV[4] over           'over' to take it from a holder with another declaration; empty else
--
-- Returns one of
--   {'held'}
--   {'conflict'} while another holds it
--   {'type', key, reason}

local lease = KEYS[1]
local holder = ARGV[1]
local declaration = ARGV[2]
local ttlMs = ARGV[3]
local over = ARGV[4]

-- include rights

local found = redis.pcall('HMGET', lease, 'holder', 'declaration')
if found.err then return {'type', lease, found.err} end
local mayTake = over == 'over' and found[2] ~= declaration
if found[1] and found[1] ~= holder and not mayTake then return {'conflict'} end
redis.call('HSET', lease, 'holder', holder, 'declaration', declaration)
redis.call('PEXPIRE', lease, ttlMs)
return {'held'}
