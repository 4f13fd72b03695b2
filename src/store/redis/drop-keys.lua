#!lua flags=allow-oom
-- Removes entries while the state is still the dropping one that the caller turned it to.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2..] entriesAt    keys to remove
-- ARGV[1] generation     id of the dropping state
--
-- Returns one of
--   {'removed', keys that were there}
--   {'conflict'} when somebody else has finished

local state = KEYS[1]
local entriesAt = 2
local generation = ARGV[1]

local standing = redis.pcall('HMGET', state, 'id', 'phase')
if standing[1] ~= generation or standing[2] ~= 'dropping' then return {'conflict'} end
if #KEYS < entriesAt then return {'removed', 0} end
return {'removed', redis.call('UNLINK', unpack(KEYS, entriesAt))}
