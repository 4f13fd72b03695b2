-- How an entry takes a mutation. Needs `lists` and `int64`.
--
-- Among the arguments a mutation is
--   'put', 'remove' or 'leave': what happens to the owning row
--   for 'put' a list of fields and values to set, in turn, and a list of fields to delete
--   a list of counters and amounts to add in turn, a counter as its index among `names`
-- where `names` are the field that says that the owning row exists, then every counter, and
-- `values` are what an entry has under them.

-- Where the parts of a mutation stand, and where the next one begins.
local function mutationAt(at)
  local found = {kind = ARGV[at]}
  at = at + 1
  if found.kind == 'put' then
    found.setFirst, found.setLast, at = list(at)
    found.goneFirst, found.goneLast, at = list(at)
  end
  found.addFirst, found.addLast, at = list(at)
  return found, at
end

-- What would make a write fail, as the script returns it; `index` counts the entries from 0.
local function faultOf(key, index, names, values, mutation)
  for i = mutation.addFirst, mutation.addLast, 2 do
    local counter = tonumber(ARGV[i])
    local value = values[counter] or '0'
    if not isInteger(value) then
      return {'type', key, names[counter] .. ' is no 64-bit integer'}
    end
    if not sumFits(value, ARGV[i + 1]) then return {'overflow', index, counter} end
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

-- Writes a mutation that has no fault; `values` are those of afterwards then.
local function apply(key, names, values, mutation)
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
end
