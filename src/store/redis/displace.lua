#!lua
-- Moves a key aside that stands where an entry should and can't be one: of another type, or with a
-- counter that is no 64-bit integer. The tickets that lie with it go: they speak of what was there.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] entry          the key
-- KEYS[3] tickets        hash, key of an entry -> ticket of its amounts
-- KEYS[4] rowTickets     hash, key of an entry -> ticket of its owning row
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] target         what the key is named from then on, but for the time at its end
-- ARGV[3..] countersAt   fields that are counters
--
-- Returns one of
--   {'displaced', its name now}
--   {'sound'} when it is a fit entry, or nothing
--   {'conflict'} when the epoch is another one
--   {'type', key, reason}

local state = KEYS[1]
local entry = KEYS[2]
local tickets = KEYS[3]
local rowTickets = KEYS[4]
local epoch = ARGV[1]
local target = ARGV[2]
local countersAt = 3

-- include int64
-- include clock

local function isSound()
  local kind = redis.call('TYPE', entry).ok
  if kind ~= 'hash' then return kind == 'none' end
  for i = countersAt, #ARGV do
    local value = redis.call('HGET', entry, ARGV[i])
    if value and not isInteger(value) then return false end
  end
  return true
end

local standing = redis.pcall('HGET', state, 'epoch')
if type(standing) == 'table' then return {'type', state, standing.err} end
if standing ~= epoch then return {'conflict'} end
if isSound() then return {'sound'} end
for _, key in ipairs({tickets, rowTickets}) do
  local count = redis.pcall('HLEN', key)
  if type(count) == 'table' then return {'type', key, count.err} end
end

local now = nowMs()
local name = target .. now
while redis.call('EXISTS', name) == 1 do
  now = string.format('%.0f', tonumber(now) + 1)
  name = target .. now
end
redis.call('RENAME', entry, name)
redis.call('HDEL', tickets, entry)
redis.call('HDEL', rowTickets, entry)
return {'displaced', name}
