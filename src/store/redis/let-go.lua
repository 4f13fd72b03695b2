#!lua
-- Removes entries that are below the bound of what is kept, with all that lies under their names.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] tickets        hash, key of an entry -> ticket of its amounts
-- KEYS[3] rowTickets     hash, key of an entry -> ticket of its owning row
-- KEYS[4..] entriesAt    hash of each entry, and behind it all of its tallies
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] bound          the state's bound must not be below this one
-- ARGV[3] tallies        how many tallies an entry has
--
-- Returns one of
--   {'gone', of how many entries anything was there}
--   {'conflict'} when the epoch is another one, or the bound is lower
--   {'type', key, reason}

local state = KEYS[1]
local tickets = KEYS[2]
local rowTickets = KEYS[3]
local entriesAt = 4
local epoch = ARGV[1]
local bound = ARGV[2]
local tallies = ARGV[3]

-- include rights

local standing = redis.pcall('HMGET', state, 'epoch', 'keep-from')
if standing.err then return {'type', state, standing.err} end
if standing[1] ~= epoch then return {'conflict'} end
if not standing[2] or tonumber(standing[2]) < tonumber(bound) then return {'conflict'} end
for _, key in ipairs({tickets, rowTickets}) do
  local count = redis.pcall('HLEN', key)
  if type(count) == 'table' then return {'type', key, count.err} end
end

local gone = 0
for entry = entriesAt, #KEYS, tallies + 1 do
  if redis.call('UNLINK', unpack(KEYS, entry, entry + tallies)) > 0 then gone = gone + 1 end
  redis.call('HDEL', tickets, KEYS[entry])
  redis.call('HDEL', rowTickets, KEYS[entry])
end
return {'gone', gone}
