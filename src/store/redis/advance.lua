#!lua
-- Moves the watermark to a barrier that every partition has passed; the first time, that turns
-- the generation to serving. Checkpoints may have gone back, so they are compared here.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint as JSON
-- ARGV[1] generation     id that the state must have
-- ARGV[2] lsn            the barrier's LSN, as 16/B374D848
-- ARGV[3..] endsAt       topic partition and end offset in turn
--
-- Returns one of
--   {'advanced'}
--   {'behind', topic partition} that is not live, not at its end, or not in the barrier
--   {'conflict'} when the generation is another one
--   {'type', key, reason}

local state = KEYS[1]
local checkpoints = KEYS[2]
local generation = ARGV[1]
local lsn = ARGV[2]
local endsAt = 3

-- Decimal texts of 64 bits compare by length, then digit by digit.
local function reaches(next, last)
  if #next ~= #last then return #next > #last end
  return next >= last
end

-- Each half of an LSN is 32 bits wide, which a double holds exactly.
local function rises(old, new)
  local oldHigh, oldLow = string.match(old, '^(%x+)/(%x+)$')
  local newHigh, newLow = string.match(new, '^(%x+)/(%x+)$')
  if not oldHigh then return true end
  if oldHigh ~= newHigh then return tonumber(newHigh, 16) > tonumber(oldHigh, 16) end
  return tonumber(newLow, 16) > tonumber(oldLow, 16)
end

local standing = redis.pcall('HMGET', state, 'id', 'phase', 'watermark', 'topics')
if standing.err then return {'type', state, standing.err} end
if standing[1] ~= generation or standing[2] == 'dropping' then return {'conflict'} end
local found = redis.pcall('HGETALL', checkpoints)
if found.err then return {'type', checkpoints, found.err} end

local parses, topics = pcall(cjson.decode, standing[4] or '')
if not parses or type(topics) ~= 'table' then
  return {'type', state, 'topics do not parse'}
end
local texts = {}
for i = 1, #found, 2 do texts[found[i]] = found[i + 1] end
local ends = {}
for i = endsAt, #ARGV, 2 do ends[ARGV[i]] = ARGV[i + 1] end

for topic, count in pairs(topics) do
  for number = 0, count - 1 do
    local partition = topic .. '/' .. number
    if not texts[partition] or not ends[partition] then return {'behind', partition} end
    local read, value = pcall(cjson.decode, texts[partition])
    if not read or type(value) ~= 'table' or type(value.next) ~= 'string' then
      return {'type', checkpoints, 'checkpoint of ' .. partition .. ' does not parse'}
    end
    if value.phase ~= 'live' or not reaches(value.next, ends[partition]) then
      return {'behind', partition}
    end
  end
end

if not standing[3] or rises(standing[3], lsn) then redis.call('HSET', state, 'watermark', lsn) end
if standing[2] ~= 'serving' then redis.call('HSET', state, 'phase', 'serving') end
return {'advanced'}
