#!lua
-- Makes a barrier known, unless a newer one of this generation is.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] barrier        hash of the newest barrier
-- ARGV[1] generation     id that the state must have
-- ARGV[2] lsn            the barrier's LSN, as 16/B374D848
-- ARGV[3] takenAtMs      when its first end offsets were read
-- ARGV[4] from           end offsets before the marker, as JSON
-- ARGV[5] ends           end offsets after the marker, as JSON
--
-- Returns one of
--   {'published'}
--   {'conflict'} when the generation is another one, or a newer barrier stands there
--   {'type', key, reason}

local state = KEYS[1]
local barrier = KEYS[2]
local generation = ARGV[1]
local lsn = ARGV[2]
local takenAtMs = ARGV[3]
local from = ARGV[4]
local ends = ARGV[5]

-- Each half of an LSN is 32 bits wide, which a double holds exactly.
local function rises(old, new)
  local oldHigh, oldLow = string.match(old, '^(%x+)/(%x+)$')
  local newHigh, newLow = string.match(new, '^(%x+)/(%x+)$')
  if not oldHigh then return true end
  if oldHigh ~= newHigh then return tonumber(newHigh, 16) > tonumber(oldHigh, 16) end
  return tonumber(newLow, 16) > tonumber(oldLow, 16)
end

local standing = redis.pcall('HMGET', state, 'id', 'phase')
if standing.err then return {'type', state, standing.err} end
if standing[1] ~= generation or standing[2] == 'dropping' then return {'conflict'} end
local newest = redis.pcall('HMGET', barrier, 'generation', 'lsn')
if newest.err then return {'type', barrier, newest.err} end
if newest[1] == generation and newest[2] and not rises(newest[2], lsn) then return {'conflict'} end
redis.call('HSET', barrier, 'generation', generation, 'lsn', lsn, 'taken-at-ms', takenAtMs,
  'from', from, 'ends', ends)
return {'published'}
