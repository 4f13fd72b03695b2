#!lua flags=no-writes
-- Reads entries, with the state and the watermark of the same moment.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2..] entriesAt    hash of each entry
-- ARGV[1] phase          phase that the state must have; empty to read whatever lies there
-- ARGV[2..] namesAt      fields to answer
--
-- Returns one of
--   {'read', watermark, number of the generation, {values in the order of names}, ...}
--   {'unavailable', phase found or 'absent'}
--   {'type', key, reason}

local state = KEYS[1]
local entriesAt = 2
local phase = ARGV[1]
local namesAt = 2

local standing = redis.pcall('HMGET', state, 'phase', 'watermark', 'number')
if standing.err then return {'type', state, standing.err} end
if phase ~= '' and standing[1] ~= phase then
  return {'unavailable', standing[1] or 'absent'}
end

local result = {'read', standing[2], standing[3]}
for entry = entriesAt, #KEYS do
  local values = redis.pcall('HMGET', KEYS[entry], unpack(ARGV, namesAt))
  if values.err then return {'type', KEYS[entry], values.err} end
  result[#result + 1] = values
end
return result
