#!lua
-- Moves the view's pass on, ends doubts and completes declarations.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] doubts         hash, name -> doubt
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] before         pass that the state must have, after `=`; empty for none
-- ARGV[3] after          pass to stand there
-- ARGV[4..] listsAt      lists: ids of doubts to end; fields of the state that say that a
--   declaration is complete
--
-- Returns one of
--   {'moved'}
--   {'conflict'} when the epoch or the pass is another one
--   {'type', key, reason}

local state = KEYS[1]
local doubts = KEYS[2]
local epoch = ARGV[1]
local before = ARGV[2]
local after = ARGV[3]
local listsAt = 4

-- include lists
-- include doubts
-- include rights

local standing = redis.pcall('HMGET', state, 'epoch', 'pass')
if standing.err then return {'type', state, standing.err} end
local pass = standing[2] and '=' .. standing[2] or ''
if standing[1] ~= epoch or pass ~= before then return {'conflict'} end
local raised = redis.pcall('HGETALL', doubts)
if raised.err then return {'type', doubts, raised.err} end

local first, last, at = list(listsAt)
local ended = {}
for i = first, last do ended[ARGV[i]] = true end
for i = 1, #raised, 2 do
  local id = string.match(raised[i + 1], '^%S+')
  if id and ended[id] then redis.call('HDEL', doubts, raised[i]) end
end
countDoubts(state, doubts)
first, last, at = list(at)
for i = first, last do
  if redis.call('HEXISTS', state, ARGV[i]) == 1 then redis.call('HSET', state, ARGV[i], '1') end
end
redis.call('HSET', state, 'pass', after)
return {'moved'}
