#!lua
-- Applies corrections that a look has found, each as far as its ticket still lies with the entry:
-- the entry's ticket for amounts, its row's ticket for the row. Tickets are used up.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] tickets        hash, key of an entry -> ticket of its amounts
-- KEYS[3] rowTickets     hash, key of an entry -> ticket of its owning row
-- KEYS[4..] entriesAt    hash of each entry, once each
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] ticket         ticket that the look has left
-- ARGV[3..] listsAt      a list of names as in `commit`, then a mutation for each entry
--
-- Returns one of
--   {'applied', entry index, ...} with each entry of which something was left undone
--   {'conflict'} when the epoch is another one
--   {'type', key, reason}
--   {'overflow', entry index, counter index}
-- where entries count from 0 and names from 1.

local state = KEYS[1]
local tickets = KEYS[2]
local rowTickets = KEYS[3]
local entriesAt = 4
local epoch = ARGV[1]
local ticket = ARGV[2]
local listsAt = 3

-- include lists
-- include int64
-- include mutations

-- First half: only reads.

local standing = redis.pcall('HGET', state, 'epoch')
if type(standing) == 'table' then return {'type', state, standing.err} end
if standing ~= epoch then return {'conflict'} end
if #KEYS < entriesAt then return {'applied'} end
local amountsLeft = redis.pcall('HMGET', tickets, unpack(KEYS, entriesAt))
if amountsLeft.err then return {'type', tickets, amountsLeft.err} end
local rowsLeft = redis.pcall('HMGET', rowTickets, unpack(KEYS, entriesAt))
if rowsLeft.err then return {'type', rowTickets, rowsLeft.err} end

local first, last, at = list(listsAt)
local names = {unpack(ARGV, first, last)}
local result = {'applied'}
local held = {}
local mutations = {}
for entry = entriesAt, #KEYS do
  local key = KEYS[entry]
  local index = entry - entriesAt
  local mutation
  mutation, at = mutationAt(at)
  local mayAdd = amountsLeft[index + 1] == ticket
  local mayPut = rowsLeft[index + 1] == ticket
  local adds = mutation.addFirst <= mutation.addLast
  if (adds and not mayAdd) or (mutation.kind ~= 'leave' and not mayPut) then
    result[#result + 1] = index
  end
  if mayAdd or mayPut then
    if not mayAdd then mutation.addLast = mutation.addFirst - 1 end
    if not mayPut then mutation.kind = 'leave' end
    local values = redis.pcall('HMGET', key, unpack(names))
    if values.err then return {'type', key, values.err} end
    local fault = faultOf(key, index, names, values, mutation)
    if fault then return fault end
    held[entry] = values
    mutations[entry] = mutation
  end
end

-- Second half: only writes, none of which can fail any more.

for entry = entriesAt, #KEYS do
  local key = KEYS[entry]
  if mutations[entry] then
    apply(key, names, held[entry], mutations[entry])
    local index = entry - entriesAt + 1
    if amountsLeft[index] == ticket then redis.call('HDEL', tickets, key) end
    if rowsLeft[index] == ticket then redis.call('HDEL', rowTickets, key) end
  end
end
return result
