#!lua flags=no-writes
-- Reads entries, with the state, the watermark and the doubts of the same moment.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] doubts         hash, name -> doubt
-- KEYS[3..] entriesAt    hash of each entry, and behind it those of its tallies that are asked for
-- ARGV[1] format         format that the state must have
-- ARGV[2] complete       field of the state that says that the declaration is complete
-- ARGV[3..] namesAt      fields to answer; where tallies are asked for, then of each of them 'largest',
--   'first' or 'last', and how many items at most, -1 for all; then how many these tallies are, and
--   an empty argument at the end
--
-- Returns one of
--   {'read', watermark, its age in milliseconds, {doubt, ...}, bound of what is kept or '', {values in
--     the order of names, and then of each tally, if the first value is there, items and scores in
--     turn}, ...}
--   {'unavailable', 'absent' or 'building'}
--   {'format', format found}
--   {'type', key, reason}

local state = KEYS[1]
local doubts = KEYS[2]
local entriesAt = 3
local format = ARGV[1]
local complete = ARGV[2]
local namesAt = 3

local standing = redis.pcall('HMGET', state, 'format', complete, 'watermark', 'watermark-at', 'doubts',
  'keep-from')
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
local last = #ARGV
local tallies = 0
if ARGV[last] == '' then
  tallies = tonumber(ARGV[last - 1])
  last = last - 2 - tallies * 2
end

-- Scores are the negative of amounts: from the largest amount to above zero, or of amount 1.
local function sliceOf(key, order, most)
  if order == 'largest' then
    return redis.pcall('ZRANGE', key, '-inf', '(0', 'BYSCORE', 'LIMIT', '0', most, 'WITHSCORES')
  end
  if order == 'first' then
    return redis.pcall('ZRANGE', key, '-1', '-1', 'BYSCORE', 'LIMIT', '0', most, 'WITHSCORES')
  end
  return redis.pcall('ZRANGE', key, '-1', '-1', 'BYSCORE', 'REV', 'LIMIT', '0', most, 'WITHSCORES')
end

local result = {'read', standing[3], now - (tonumber(standing[4]) or 0), raised, standing[6] or ''}
for entry = entriesAt, #KEYS, tallies + 1 do
  local values = redis.pcall('HMGET', KEYS[entry], unpack(ARGV, namesAt, last))
  if values.err then return {'type', KEYS[entry], values.err} end
  for i = 1, values[1] and tallies or 0 do
    local found = sliceOf(KEYS[entry + i], ARGV[last + i * 2 - 1], ARGV[last + i * 2])
    if found.err then return {'type', KEYS[entry + i], found.err} end
    values[#values + 1] = found
  end
  result[#result + 1] = values
end
return result
