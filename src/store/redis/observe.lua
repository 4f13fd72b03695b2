#!lua
-- Replaces the fingerprint of the set-up that was seen, and raises what follows from it.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] doubts         hash, name -> doubt
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] before         fingerprint that the state must have, after `=`; empty for none
-- ARGV[3] after          fingerprint to stand there
-- ARGV[4..] doubtsAt     doubts to raise: name, id and text in turn
--
-- Returns one of
--   {'observed'}
--   {'conflict'} when the epoch or the fingerprint is another one
--   {'type', key, reason}

local state = KEYS[1]
local doubts = KEYS[2]
local epoch = ARGV[1]
local before = ARGV[2]
local after = ARGV[3]
local doubtsAt = 4

-- include doubts
-- include clock
-- include rights

local standing = redis.pcall('HMGET', state, 'epoch', 'fingerprint')
if standing.err then return {'type', state, standing.err} end
local fingerprint = standing[2] and '=' .. standing[2] or ''
if standing[1] ~= epoch or fingerprint ~= before then return {'conflict'} end
local count = redis.pcall('HLEN', doubts)
if type(count) == 'table' then return {'type', doubts, count.err} end

local now = nowMs()
for i = doubtsAt, #ARGV, 3 do raise(doubts, ARGV[i], ARGV[i + 1], ARGV[i + 2], now) end
countDoubts(state, doubts)
redis.call('HSET', state, 'fingerprint', after)
return {'observed'}
