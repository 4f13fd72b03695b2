#!lua
-- Reads the amounts of items of one tally, with the checkpoints of the same moment, and may leave a
-- ticket with the amounts of the entry. A tally that gets a ticket loses its time to live.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint
-- KEYS[3] tickets        hash, key of an entry -> ticket of its amounts
-- KEYS[4] tally          sorted set
-- KEYS[5] entry          hash of the entry
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] ticket         what to leave; empty for nothing
-- ARGV[3] ttlMs          after so long without another look tickets go
-- ARGV[4] ticketsMax     tickets that may lie about; where there would be more, the old ones go
-- ARGV[5..] itemsAt      items
--
-- Returns one of
--   {'items', {topic partition, checkpoint, ...}, {amount or nil, ...}}
--   {'unreadable'} when it is no tally, or one of these amounts is none
--   {'conflict'} when the epoch is another one
--   {'type', key, reason}

local state = KEYS[1]
local checkpoints = KEYS[2]
local tickets = KEYS[3]
local tally = KEYS[4]
local entry = KEYS[5]
local epoch = ARGV[1]
local ticket = ARGV[2]
local ttlMs = ARGV[3]
local ticketsMax = ARGV[4]
local itemsAt = 5

-- include cells
-- include rights

local standing = redis.pcall('HGET', state, 'epoch')
if type(standing) == 'table' then return {'type', state, standing.err} end
if standing ~= epoch then return {'conflict'} end
local moment = redis.pcall('HGETALL', checkpoints)
if moment.err then return {'type', checkpoints, moment.err} end
local count = redis.pcall('HLEN', tickets)
if type(count) == 'table' then return {'type', tickets, count.err} end

local found = {}
if #ARGV >= itemsAt then
  found = redis.pcall('ZMSCORE', tally, unpack(ARGV, itemsAt))
  if found.err then
    if string.sub(found.err, 1, 9) == 'WRONGTYPE' then return {'unreadable'} end
    return {'type', tally, found.err}
  end
  for i, score in ipairs(found) do
    found[i] = score and amounts[score]
    if score and not found[i] then return {'unreadable'} end
  end
end

if ticket ~= '' then
  if count >= tonumber(ticketsMax) then redis.call('UNLINK', tickets) end
  redis.call('HSET', tickets, entry, ticket)
  redis.call('PEXPIRE', tickets, ttlMs)
  redis.call('PERSIST', tally)
end
return {'items', moment, found}
