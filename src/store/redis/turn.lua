#!lua
-- Turns the epoch, and says where every checkpoint stands in the next one.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint
-- KEYS[3] problems       hash, place -> problem as JSON
-- KEYS[4] doubts         hash, name -> doubt
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] nextEpoch      epoch to turn to
-- ARGV[3..] listsAt      lists, in this order:
--   fields and values of the state to set, in turn; of those that say whether a declaration is
--     complete only these are left, each as the state says it by now
--   partitions, each as its name, 'stay', 'forward' or 'anew', the offset to go to and the
--     checkpoint to begin with there; the last two empty where there is none
--   doubts, each as its id, its name and its whole text
--
-- Returns one of
--   {'turned'}
--   {'conflict'} when the epoch is another one
--   {'offset', topic partition} that is to be moved and has no offset to go to
--   {'type', key, reason}

local state = KEYS[1]
local checkpoints = KEYS[2]
local problems = KEYS[3]
local doubts = KEYS[4]
local epoch = ARGV[1]
local nextEpoch = ARGV[2]
local listsAt = 3

-- include lists
-- include offsets
-- include rights

local fields = redis.pcall('HGETALL', state)
if fields.err then return {'type', state, fields.err} end
local standing = {}
for i = 1, #fields, 2 do standing[fields[i]] = fields[i + 1] end
if standing.epoch ~= epoch then return {'conflict'} end
local found = redis.pcall('HGETALL', checkpoints)
if found.err then return {'type', checkpoints, found.err} end
local texts = {}
for i = 1, #found, 2 do texts[found[i]] = found[i + 1] end
local count = redis.pcall('HLEN', problems)
if type(count) == 'table' then return {'type', problems, count.err} end
local raised = redis.pcall('HGETALL', doubts)
if raised.err then return {'type', doubts, raised.err} end

local setFirst, setLast, at = list(listsAt)
local first, last
first, last, at = list(at)
local moved = {}
for i = first, last, 4 do
  local name, how, offset, begun = unpack(ARGV, i, i + 3)
  local text = texts[name]
  local next = text and string.match(text, '^(%d+) ')
  if text and not next then return {'type', checkpoints, name .. ' does not parse'} end
  if text and how == 'stay' then
    moved[name] = text
  elseif offset == '' then
    return {'offset', name}
  elseif text and how == 'forward' and reaches(next, offset) then
    moved[name] = string.gsub(text, '"windowFrom":"%d+"', '"windowFrom":"' .. offset .. '"')
  else
    moved[name] = begun
  end
end

-- Only writes from here on, none of which can fail.

redis.call('DEL', checkpoints)
for name, text in pairs(moved) do redis.call('HSET', checkpoints, name, text) end
for name in pairs(texts) do
  if not moved[name] then redis.call('HDEL', problems, name) end
end
for field in pairs(standing) do
  if string.sub(field, 1, 9) == 'complete:' then redis.call('HDEL', state, field) end
end
redis.call('HSET', state, 'epoch', nextEpoch, unpack(ARGV, setFirst, setLast))
for i = setFirst, setLast, 2 do
  local field = ARGV[i]
  if string.sub(field, 1, 9) == 'complete:' then
    redis.call('HSET', state, field, standing[field] == '1' and '1' or '0')
  end
end
local names = {}
for i = 1, #raised, 2 do
  local id = string.match(raised[i + 1], '^%S+')
  if id then names[id] = raised[i] end
end
first, last, at = list(at)
for i = first, last, 3 do
  local id, name, text = unpack(ARGV, i, i + 2)
  if names[id] then
    redis.call('HDEL', doubts, names[id])
    redis.call('HSET', doubts, name, text)
  end
end
return {'turned'}
