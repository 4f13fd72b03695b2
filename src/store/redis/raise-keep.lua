#!lua
-- Raises the bound below which entries are let go.
--
-- KEYS[1] state          hash of the view's state
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] before         bound that the state must have, after `=`; empty for none
-- ARGV[3] after          bound to stand there, above that one
--
-- Returns one of
--   {'raised'}
--   {'conflict'} when the epoch or the bound is another one, or the bound would not rise
--   {'type', key, reason}

local state = KEYS[1]
local epoch = ARGV[1]
local before = ARGV[2]
local after = ARGV[3]

-- include rights

local standing = redis.pcall('HMGET', state, 'epoch', 'keep-from')
if standing.err then return {'type', state, standing.err} end
local bound = standing[2] and '=' .. standing[2] or ''
if standing[1] ~= epoch or bound ~= before then return {'conflict'} end
if standing[2] and tonumber(after) <= tonumber(standing[2]) then return {'conflict'} end
redis.call('HSET', state, 'keep-from', after)
return {'raised'}
