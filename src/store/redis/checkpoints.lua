#!lua flags=no-writes
-- Reads every checkpoint of one epoch.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint
-- ARGV[1] epoch          epoch that the state must have
--
-- Returns one of
--   {'checkpoints', {topic partition, checkpoint, ...}}
--   {'conflict'} when the epoch is another one
--   {'type', key, reason}

local state = KEYS[1]
local checkpoints = KEYS[2]
local epoch = ARGV[1]

local standing = redis.pcall('HGET', state, 'epoch')
if type(standing) == 'table' then return {'type', state, standing.err} end
if standing ~= epoch then return {'conflict'} end
local found = redis.pcall('HGETALL', checkpoints)
if found.err then return {'type', checkpoints, found.err} end
return {'checkpoints', found}
