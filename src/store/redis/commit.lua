#!lua
-- Applies a batch to a view and moves one partition's checkpoint, or changes nothing.
-- A commit and a pour are the same step with another expectation of what stands there.
--
-- Redis does not roll a script back. So the first half reads and checks all that could make a
-- write fail, and the second half only writes. The line `#!lua` makes Redis refuse the whole
-- script up front when it is out of memory, read-only or can't persist.
-- Numbers of 64 bits stay text, for a Lua number is a double; HINCRBY adds them exactly.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint as JSON
-- KEYS[3] parked         hash, topic partition and offset -> record as JSON
-- KEYS[4..] entriesAt    hash of each entry, once each
-- ARGV[1] generation     id that the state must have
-- ARGV[2] phase          phase that the state must have; empty for building or serving
-- ARGV[3] partition      topic partition
-- ARGV[4] expected       what must stand there: 'absent', 'pouring <calls>' or 'live <next>'
-- ARGV[5] checkpoint     the checkpoint to stand there afterwards, as JSON
-- ARGV[6] mark           why the view must be rebuilt, as JSON; empty for none
-- ARGV[7] markBelowZero  the same, if a counter of these entries stands below zero afterwards and
--                        no record is parked; empty for none
-- ARGV[8..] listsAt      lists, each as its length and its items, in this order:
--   names to watch: the field that says that the owning row exists, then every counter
--   parked records: field and value in turn
--   fields of parked records that are settled
--   then for each entry
--     'put', 'remove' or 'leave': what happens to the owning row
--     unless 'leave': fields and values to set, in turn
--     unless 'leave': fields to delete
--     counters and amounts to add in turn, a counter as its index among the names to watch
--
-- Returns one of
--   {'applied', parked records now, entry index, counter index, ...} with each counter of these
--     entries that stands below zero
--   {'conflict', checkpoint found or nil}
--   {'type', key, reason}
--   {'overflow', entry index, counter index}
-- where entries count from 0 and the names to watch from 1.

local state = KEYS[1]
local checkpoints = KEYS[2]
local parked = KEYS[3]
local entriesAt = 4
local generation = ARGV[1]
local phase = ARGV[2]
local partition = ARGV[3]
local expected = ARGV[4]
local checkpoint = ARGV[5]
local mark = ARGV[6]
local markBelowZero = ARGV[7]
local listsAt = 8

-- A list that begins at `at`: first item, last item, where the next list begins.
local function list(at)
  local length = tonumber(ARGV[at])
  return at + 1, at + length, at + length + 1
end

-- Sign, high and low ten digits of a decimal text of at most 19 digits.
local function parts(text)
  local digits = string.match(text, '^-?(%d+)$')
  if not digits or #digits > 19 or (#digits > 1 and string.sub(digits, 1, 1) == '0') then
    return nil
  end
  local negative = string.sub(text, 1, 1) == '-'
  return negative, tonumber(string.sub(digits, 1, -11)) or 0, tonumber(string.sub(digits, -10))
end

local function inRange(negative, high, low)
  if high ~= 922337203 then return high < 922337203 end
  return low <= 6854775807 or (negative and low == 6854775808)
end

local function isInteger(text)
  if #text <= 15 then
    return text == '0' or string.find(text, '^-?[1-9]%d*$') ~= nil
  end
  local negative, high, low = parts(text)
  return negative ~= nil and inRange(negative, high, low)
end

-- Whether the sum of two 64-bit integers is one too; the caller sends no amount that isn't.
-- Doubles hold 15 digits exactly.
local function sumFits(a, b)
  if #a <= 15 and #b <= 15 then return true end
  local aNegative, aHigh, aLow = parts(a)
  local bNegative, bHigh, bLow = parts(b)
  if aNegative ~= bNegative then return true end
  local low = aLow + bLow
  local carry = low >= 1e10 and 1 or 0
  return inRange(aNegative, aHigh + bHigh + carry, low - carry * 1e10)
end

-- First half: only reads.

local standing = redis.pcall('HMGET', state, 'id', 'phase')
if standing.err then return {'type', state, standing.err} end
local found = redis.pcall('HGET', checkpoints, partition)
if type(found) == 'table' then return {'type', checkpoints, found.err} end
local parkedNow = redis.pcall('HLEN', parked)
if type(parkedNow) == 'table' then return {'type', parked, parkedNow.err} end

if standing[1] ~= generation or standing[2] == 'dropping' then return {'conflict', false} end
if phase ~= '' and standing[2] ~= phase then return {'conflict', found} end

local stands = 'absent'
if found then
  local parses, value = pcall(cjson.decode, found)
  if not parses or type(value) ~= 'table' or not value.phase then
    return {'type', checkpoints, 'checkpoint of ' .. partition .. ' does not parse'}
  end
  stands = value.phase .. ' ' .. tostring(value.phase == 'live' and value.next or value.poured)
end
if stands ~= expected then return {'conflict', found} end

local namesFirst, namesLast, at = list(listsAt)
local names = {unpack(ARGV, namesFirst, namesLast)}
local parkFirst, parkLast, unparkFirst, unparkLast
parkFirst, parkLast, at = list(at)
unparkFirst, unparkLast, at = list(at)
local bodyAt = at

local held = {}
for entry = entriesAt, #KEYS do
  local values = redis.pcall('HMGET', KEYS[entry], unpack(names))
  if values.err then return {'type', KEYS[entry], values.err} end
  held[entry] = values
  local first, last
  local leave = ARGV[at] == 'leave'
  at = at + 1
  if not leave then
    first, last, at = list(at)
    first, last, at = list(at)
  end
  first, last, at = list(at)
  for i = first, last, 2 do
    local counter = tonumber(ARGV[i])
    local value = values[counter] or '0'
    if not isInteger(value) then
      return {'type', KEYS[entry], names[counter] .. ' is no 64-bit integer'}
    end
    if not sumFits(value, ARGV[i + 1]) then
      return {'overflow', entry - entriesAt, counter}
    end
  end
end

-- Second half: only writes, none of which can fail any more.

local result = {'applied', 0}
at = bodyAt
for entry = entriesAt, #KEYS do
  local key = KEYS[entry]
  local kind = ARGV[at]
  local values = held[entry]
  local first, last
  at = at + 1
  if kind ~= 'leave' then
    first, last, at = list(at)
    if first <= last then redis.call('HSET', key, unpack(ARGV, first, last)) end
    first, last, at = list(at)
    if first <= last then redis.call('HDEL', key, unpack(ARGV, first, last)) end
  end
  first, last, at = list(at)
  for i = first, last, 2 do
    local counter = tonumber(ARGV[i])
    values[counter] = redis.call('HINCRBY', key, names[counter], ARGV[i + 1])
  end

  local present = kind == 'put' or (kind == 'leave' and values[1] ~= false)
  local zero = true
  for counter = 2, #names do
    local value = values[counter]
    if not value then
      if kind == 'put' then redis.call('HSET', key, names[counter], '0') end
    elseif value ~= 0 and value ~= '0' then
      zero = false
      if (tonumber(value) or 0) < 0 then
        result[#result + 1] = entry - entriesAt
        result[#result + 1] = counter
      end
    end
  end
  if zero and not present then redis.call('DEL', key) end
end

for i = parkFirst, parkLast, 2 do redis.call('HSET', parked, ARGV[i], ARGV[i + 1]) end
for i = unparkFirst, unparkLast do redis.call('HDEL', parked, ARGV[i]) end
redis.call('HSET', checkpoints, partition, checkpoint)
result[2] = redis.call('HLEN', parked)
if mark ~= '' then redis.call('HSETNX', state, 'mark', mark) end
if markBelowZero ~= '' and #result > 2 and result[2] == 0 then
  redis.call('HSETNX', state, 'mark', markBelowZero)
end
return result
