#!lua flags=no-writes
-- Reads entries, with the state, the watermark and the doubts of the same moment.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] doubts         hash, name -> doubt
-- KEYS[3..] entriesAt    hash of each entry
-- ARGV[1] format         format that the state must have
-- ARGV[2] complete       field of the state that says that the declaration is complete
-- ARGV[3..] namesAt      fields to answer
--
-- Returns one of
--   {'read', watermark, its age in milliseconds, {doubt, ...}, {values in the order of names}, ...}
--   {'unavailable', 'absent' or 'building'}
--   {'format', format found}
--   {'type', key, reason}

local state = KEYS[1]
local doubts = KEYS[2]
local entriesAt = 3
local format = ARGV[1]
local complete = ARGV[2]
local namesAt = 3

local standing = redis.pcall('HMGET', state, 'format', complete, 'watermark', 'watermark-at', 'doubts')
if standing.err then return {'type', state, standing.err} end
if standing[1] ~= format then
  if redis.call('EXISTS', state) == 0 then return {'unavailable', 'absent'} end
  return {'format', standing[1] or ''}
end
if standing[2] ~= '1' or not standing[3] then return {'unavailable', 'building'} end

local raised = {}
if standing[5] and standing[5] ~= '0' then
  raised = redis.pcall('HVALS', doubts)
  if raised.err then return {'type', doubts, raised.err} end
  for i, doubt in ipairs(raised) do raised[i] = string.match(doubt, '^%S+ %d+ (%S+)') or '' end
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local result = {'read', standing[3], now - (tonumber(standing[4]) or 0), raised}
for entry = entriesAt, #KEYS do
  local values = redis.pcall('HMGET', KEYS[entry], unpack(ARGV, namesAt))
  if values.err then return {'type', KEYS[entry], values.err} end
  result[#result + 1] = values
end
return result
