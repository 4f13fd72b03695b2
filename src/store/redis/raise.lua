#!lua
-- Raises a doubt, again if it stands already.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] doubts         hash, name -> doubt
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] name           name of the doubt
-- ARGV[3] id             its id from now on
-- ARGV[4] text           its code and JSON
--
-- Returns one of
--   {'raised'}
--   {'conflict'} when the epoch is another one
--   {'type', key, reason}

local state = KEYS[1]
local doubts = KEYS[2]
local epoch = ARGV[1]
local name = ARGV[2]
local id = ARGV[3]
local text = ARGV[4]

-- include doubts
-- include clock
-- include rights

local standing = redis.pcall('HGET', state, 'epoch')
if type(standing) == 'table' then return {'type', state, standing.err} end
if standing ~= epoch then return {'conflict'} end
local count = redis.pcall('HLEN', doubts)
if type(count) == 'table' then return {'type', doubts, count.err} end
raise(doubts, name, id, text, nowMs())
countDoubts(state, doubts)
return {'raised'}
