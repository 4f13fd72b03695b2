-- How an entry takes a mutation. Needs `lists`, `int64` and `cells`.
--
-- Among the arguments a mutation is
--   'put', 'remove' or 'leave': what happens to the owning row
--   for 'put' a list of fields and values to set, in turn, and a list of fields to delete
--   a list of counters and amounts to add in turn, a counter as its index among `names`
--   for each tally that it adds to: 'cells', the index of the tally, which goes on behind those of
--     `names`, a list of items, and as many amounts without a length of their own
-- where `names` are the field that says that the owning row exists, then every counter, and
-- `values` are what an entry has under them. Among the keys the entry's hash is followed by those
-- of these tallies.

-- Where the parts of a mutation stand, and where the next one and its keys begin.
local function mutationAt(at, keyAt)
  local found = {key = KEYS[keyAt], kind = ARGV[at], addFirst = 0, addLast = 0}
  at = at + 1
  keyAt = keyAt + 1
  if found.kind == 'put' then
    found.setFirst, found.setLast, at = list(at)
    found.goneFirst, found.goneLast, at = list(at)
  end
  found.addFirst, found.addLast, at = list(at)
  while ARGV[at] == 'cells' do
    local tally = {key = KEYS[keyAt], index = ARGV[at + 1], sums = {}}
    tally.first, tally.last, at = list(at + 2)
    tally.count = at - tally.first
    at = at + tally.count
    keyAt = keyAt + 1
    found.tallies = found.tallies or {}
    found.tallies[#found.tallies + 1] = tally
  end
  return found, at, keyAt
end

-- The same for the cells of a tally, whose sums are known then.
local function cellFaultOf(index, tally)
  for from = tally.first, tally.last, 1000 do
    local to = math.min(from + 999, tally.last)
    local scores = redis.pcall('ZMSCORE', tally.key, unpack(ARGV, from, to))
    if scores.err then return {'type', tally.key, scores.err} end
    for i = from, to do
      local amount = -tonumber(scores[i - from + 1] or '0')
      if not isAmount(amount) then
        return {'type', tally.key, 'an amount is no integer of 53 bits'}
      end
      local sum = amount + tonumber(ARGV[i + tally.count])
      if not isAmount(sum) then return {'overflow', index, tally.index} end
      tally.sums[i] = sum
    end
  end
  return nil
end

-- What would make a write fail, as the script returns it; `index` counts the entries from 0.
local function faultOf(index, names, values, mutation)
  for i = mutation.addFirst, mutation.addLast, 2 do
    local counter = tonumber(ARGV[i])
    local value = values[counter] or '0'
    if not isInteger(value) then
      return {'type', mutation.key, names[counter] .. ' is no 64-bit integer'}
    end
    if not sumFits(value, ARGV[i + 1]) then return {'overflow', index, counter} end
  end
  if not mutation.tallies then return nil end
  for _, tally in ipairs(mutation.tallies) do
    local fault = cellFaultOf(index, tally)
    if fault then return fault end
  end
  return nil
end

-- Removes every field but the counters: also those of which this caller knows nothing.
local function removeRow(key, names)
  local isCounter = {}
  for counter = 2, #names do isCounter[names[counter]] = true end
  local gone = {}
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not isCounter[field] then gone[#gone + 1] = field end
  end
  for i = 1, #gone, 1000 do
    redis.call('HDEL', key, unpack(gone, i, math.min(i + 999, #gone)))
  end
end

-- Writes the sums of a tally that has no fault.
local function applyCells(tally)
  local set = {}
  local gone = {}
  for i = tally.first, tally.last do
    local sum = tally.sums[i]
    if sum == 0 then
      gone[#gone + 1] = ARGV[i]
    else
      set[#set + 1] = -sum
      set[#set + 1] = ARGV[i]
      tally.below = tally.below or sum < 0
    end
  end
  for i = 1, #set, 1000 do
    redis.call('ZADD', tally.key, unpack(set, i, math.min(i + 999, #set)))
  end
  for i = 1, #gone, 1000 do
    redis.call('ZREM', tally.key, unpack(gone, i, math.min(i + 999, #gone)))
  end
end

-- Writes a mutation that has no fault; `values` are those of afterwards then, and a tally says
-- whether one of its cells that were added to stands below zero.
local function apply(names, values, mutation)
  local key = mutation.key
  local kind = mutation.kind
  if kind == 'put' then
    redis.call('HSET', key, unpack(ARGV, mutation.setFirst, mutation.setLast))
    if mutation.goneFirst <= mutation.goneLast then
      redis.call('HDEL', key, unpack(ARGV, mutation.goneFirst, mutation.goneLast))
    end
  end
  for i = mutation.addFirst, mutation.addLast, 2 do
    local counter = tonumber(ARGV[i])
    values[counter] = redis.call('HINCRBY', key, names[counter], ARGV[i + 1])
  end
  local zero = true
  for counter = 2, #names do
    local value = values[counter]
    if not value then
      if kind == 'put' then redis.call('HSET', key, names[counter], '0') end
    elseif value ~= 0 and value ~= '0' then
      zero = false
    end
  end
  local present = kind == 'put' or (kind == 'leave' and values[1] ~= false)
  if zero and not present then
    redis.call('DEL', key)
  elseif kind == 'remove' then
    removeRow(key, names)
  end
  if not mutation.tallies then return end
  for _, tally in ipairs(mutation.tallies) do applyCells(tally) end
end
