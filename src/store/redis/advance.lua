#!lua
-- Moves the watermark to a barrier that every partition has passed. Checkpoints may have gone
-- back, so they are compared here.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] lsn            the barrier's LSN, as 16/B374D848
-- ARGV[3] history        which history of the source it speaks of
-- ARGV[4] agoMs          how long ago it was begun
-- ARGV[5..] endsAt       topic partition and end offset in turn
--
-- Returns one of
--   {'advanced'}
--   {'behind', topic partition} that is not at its end, or not in the barrier
--   {'conflict'} when the epoch is another one
--   {'type', key, reason}

local state = KEYS[1]
local checkpoints = KEYS[2]
local epoch = ARGV[1]
local lsn = ARGV[2]
local history = ARGV[3]
local agoMs = ARGV[4]
local endsAt = 5

-- include offsets
-- include clock
-- include rights

-- Each half of an LSN is 32 bits wide, which a double holds exactly.
local function falls(old, new)
  local oldHigh, oldLow = string.match(old, '^(%x+)/(%x+)$')
  local newHigh, newLow = string.match(new, '^(%x+)/(%x+)$')
  if not oldHigh then return false end
  if oldHigh ~= newHigh then return tonumber(newHigh, 16) < tonumber(oldHigh, 16) end
  return tonumber(newLow, 16) < tonumber(oldLow, 16)
end

local standing = redis.pcall('HMGET', state, 'epoch', 'topics', 'watermark', 'watermark-history')
if standing.err then return {'type', state, standing.err} end
if standing[1] ~= epoch then return {'conflict'} end
local found = redis.pcall('HGETALL', checkpoints)
if found.err then return {'type', checkpoints, found.err} end

local parses, topics = pcall(cjson.decode, standing[2] or '')
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
    local next = string.match(texts[partition], '^(%d+) ')
    if not next then return {'type', checkpoints, partition .. ' does not parse'} end
    if not reaches(next, ends[partition]) then return {'behind', partition} end
  end
end

if standing[3] and falls(standing[3], lsn) and standing[4] == history then return {'advanced'} end
local begunAt = string.format('%.0f', tonumber(nowMs()) - tonumber(agoMs))
redis.call('HSET', state, 'watermark', lsn, 'watermark-history', history, 'watermark-at', begunAt)
return {'advanced'}
