#!lua
-- Applies a batch to a view and moves one partition's checkpoint, or changes nothing.
--
-- Redis does not roll a script back. So the first half reads and checks all that could make a
-- write fail, and the second half only writes. The line `#!lua` makes Redis refuse the whole
-- script up front when it is out of memory, read-only or can't persist.
-- Numbers of 64 bits stay text, for a Lua number is a double; HINCRBY adds them exactly.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint
-- KEYS[3] parked         hash, topic partition and offset -> record as JSON
-- KEYS[4] doubts         hash, name -> doubt
-- KEYS[5] rowTickets     hash, key of an entry -> ticket of its owning row
-- KEYS[6..] entriesAt    hash of each entry, once each, and behind it its tallies that are added to
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] partition      topic partition
-- ARGV[3] from           offset that the checkpoint must stand at
-- ARGV[4] checkpoint     the checkpoint to stand there afterwards
-- ARGV[5] parkedMax      parked records that are kept; beyond that they are counted
-- ARGV[6] leftOutBelow   the state's bound must not be below this one; '' for any
-- ARGV[7..] listsAt      lists, in this order:
--   names: the field that says that the owning row exists, then every counter
--   parked records: field and value in turn
--   doubts to raise: name, id and text in turn
--   and then a mutation for each entry
--
-- Returns one of
--   {'applied', entry index, index, ...} with each counter of these entries that stands below zero,
--     and each tally with a cell among those added to that does
--   {'conflict', checkpoint found or nil}
--   {'type', key, reason}
--   {'overflow', entry index, index of a counter or tally}
-- where entries count from 0, names from 1, and tallies on from the last name.

local state = KEYS[1]
local checkpoints = KEYS[2]
local parked = KEYS[3]
local doubts = KEYS[4]
local rowTickets = KEYS[5]
local entriesAt = 6
local epoch = ARGV[1]
local partition = ARGV[2]
local from = ARGV[3]
local checkpoint = ARGV[4]
local parkedMax = ARGV[5]
local leftOutBelow = ARGV[6]
local listsAt = 7

-- include lists
-- include int64
-- include cells
-- include mutations
-- include doubts
-- include clock
-- include rights

-- First half: only reads.

local standing = redis.pcall('HMGET', state, 'epoch', 'parked-beyond', 'keep-from')
if standing.err then return {'type', state, standing.err} end
if standing[1] ~= epoch then return {'conflict', false} end
local found = redis.pcall('HGET', checkpoints, partition)
if type(found) == 'table' then return {'type', checkpoints, found.err} end
if not found then return {'conflict', false} end
local next = string.match(found, '^(%d+) ')
if not next then return {'type', checkpoints, partition .. ' does not parse'} end
if next ~= from then return {'conflict', found} end
if leftOutBelow ~= '' and (tonumber(standing[3] or '') or -math.huge) < tonumber(leftOutBelow) then
  return {'conflict', found}
end

local count = redis.pcall('HLEN', parked)
if type(count) == 'table' then return {'type', parked, count.err} end
local standingDoubts = redis.pcall('HLEN', doubts)
if type(standingDoubts) == 'table' then return {'type', doubts, standingDoubts.err} end
local tickets = redis.pcall('HLEN', rowTickets)
if type(tickets) == 'table' then return {'type', rowTickets, tickets.err} end

local first, last, at = list(listsAt)
local names = {unpack(ARGV, first, last)}
local parkFirst, parkLast, raiseFirst, raiseLast
parkFirst, parkLast, at = list(at)
raiseFirst, raiseLast, at = list(at)

local held = {}
local mutations = {}
local keyAt = entriesAt
while keyAt <= #KEYS do
  local mutation
  mutation, at, keyAt = mutationAt(at, keyAt)
  local values = redis.pcall('HMGET', mutation.key, unpack(names))
  if values.err then return {'type', mutation.key, values.err} end
  local fault = faultOf(#mutations, names, values, mutation)
  if fault then return fault end
  mutations[#mutations + 1] = mutation
  held[#mutations] = values
end

-- Second half: only writes, none of which can fail any more.

local result = {'applied'}
local rows = {}
for entry, mutation in ipairs(mutations) do
  local values = held[entry]
  apply(names, values, mutation)
  for counter = 2, #names do
    if values[counter] and (tonumber(values[counter]) or 0) < 0 then
      result[#result + 1] = entry - 1
      result[#result + 1] = counter
    end
  end
  for i = 1, mutation.tallies and #mutation.tallies or 0 do
    local tally = mutation.tallies[i]
    if tally.below then
      result[#result + 1] = entry - 1
      result[#result + 1] = tally.index
    end
  end
  if mutation.kind ~= 'leave' then rows[#rows + 1] = mutation.key end
end
if tickets > 0 and #rows > 0 then redis.call('HDEL', rowTickets, unpack(rows)) end

local beyond = 0
for i = parkFirst, parkLast, 2 do
  if count < tonumber(parkedMax) then
    count = count + redis.call('HSET', parked, ARGV[i], ARGV[i + 1])
  else
    beyond = beyond + 1
  end
end
if beyond > 0 then
  local before = tonumber(standing[2] or '0') or 0
  redis.call('HSET', state, 'parked-beyond', string.format('%.0f', before + beyond))
end
if raiseFirst <= raiseLast then
  local now = nowMs()
  for i = raiseFirst, raiseLast, 3 do raise(doubts, ARGV[i], ARGV[i + 1], ARGV[i + 2], now) end
  countDoubts(state, doubts)
end
redis.call('HSET', checkpoints, partition, checkpoint)
return result
