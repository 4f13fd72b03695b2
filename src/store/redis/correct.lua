#!lua
-- Applies corrections that a look has found, each as far as its ticket still lies with the entry:
-- the entry's ticket for amounts, its row's ticket for the row. Tickets are used up.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] tickets        hash, key of an entry -> ticket of its amounts
-- KEYS[3] rowTickets     hash, key of an entry -> ticket of its owning row
-- KEYS[4..] entriesAt    hash of each entry, once each, and behind it its tallies that are added to
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] ticket         ticket that the look has left
-- ARGV[3..] listsAt      a list of names as in `commit`, then a mutation for each entry
--
-- Returns one of
--   {'applied', entry index, ...} with each entry of which something was left undone
--   {'conflict'} when the epoch is another one
--   {'type', key, reason}
--   {'overflow', entry index, index of a counter or tally}
-- where entries count from 0, names from 1, and tallies on from the last name.

local state = KEYS[1]
local tickets = KEYS[2]
local rowTickets = KEYS[3]
local entriesAt = 4
local epoch = ARGV[1]
local ticket = ARGV[2]
local listsAt = 3

-- include lists
-- include int64
-- include cells
-- include mutations
-- include rights

-- First half: only reads.

local standing = redis.pcall('HGET', state, 'epoch')
if type(standing) == 'table' then return {'type', state, standing.err} end
if standing ~= epoch then return {'conflict'} end
if #KEYS < entriesAt then return {'applied'} end

local first, last, at = list(listsAt)
local names = {unpack(ARGV, first, last)}
local mutations = {}
local hashes = {}
local keyAt = entriesAt
while keyAt <= #KEYS do
  hashes[#hashes + 1] = KEYS[keyAt]
  mutations[#hashes], at, keyAt = mutationAt(at, keyAt)
end
local amountsLeft = redis.pcall('HMGET', tickets, unpack(hashes))
if amountsLeft.err then return {'type', tickets, amountsLeft.err} end
local rowsLeft = redis.pcall('HMGET', rowTickets, unpack(hashes))
if rowsLeft.err then return {'type', rowTickets, rowsLeft.err} end

local result = {'applied'}
local held = {}
for entry, mutation in ipairs(mutations) do
  local mayAdd = amountsLeft[entry] == ticket
  local mayPut = rowsLeft[entry] == ticket
  local adds = mutation.addFirst <= mutation.addLast or mutation.tallies
  if (adds and not mayAdd) or (mutation.kind ~= 'leave' and not mayPut) then
    result[#result + 1] = entry - 1
  end
  if mayAdd or mayPut then
    if not mayAdd then
      mutation.addLast = mutation.addFirst - 1
      mutation.tallies = nil
    end
    if not mayPut then mutation.kind = 'leave' end
    local values = redis.pcall('HMGET', mutation.key, unpack(names))
    if values.err then return {'type', mutation.key, values.err} end
    local fault = faultOf(entry - 1, names, values, mutation)
    if fault then return fault end
    held[entry] = values
  end
end

-- Second half: only writes, none of which can fail any more.

for entry, mutation in ipairs(mutations) do
  if held[entry] then
    apply(names, held[entry], mutation)
    if amountsLeft[entry] == ticket then redis.call('HDEL', tickets, mutation.key) end
    if rowsLeft[entry] == ticket then redis.call('HDEL', rowTickets, mutation.key) end
  end
end
return result
