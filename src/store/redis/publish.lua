#!lua
-- Makes a barrier the newest, unless one of its number or above is; forgets others in any case.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] barriers       hash, number -> barrier as JSON
-- ARGV[1] number         its number
-- ARGV[2] barrier        as JSON
-- ARGV[3..] forgetAt     numbers to forget
--
-- Returns one of
--   {'published'}
--   {'older'}
--   {'absent'} when there is no state
--   {'type', key, reason}

local state = KEYS[1]
local barriers = KEYS[2]
local number = ARGV[1]
local barrier = ARGV[2]
local forgetAt = 3

-- include rights

local standing = redis.pcall('HMGET', state, 'epoch', 'barrier-number')
if standing.err then return {'type', state, standing.err} end
if not standing[1] then return {'absent'} end
local count = redis.pcall('HLEN', barriers)
if type(count) == 'table' then return {'type', barriers, count.err} end

for i = forgetAt, #ARGV do redis.call('HDEL', barriers, ARGV[i]) end
local newest = tonumber(standing[2] or '-1') or -1
if newest >= tonumber(number) then return {'older'} end
redis.call('HSET', barriers, number, barrier)
redis.call('HSET', state, 'barrier', barrier, 'barrier-number', number)
return {'published'}
