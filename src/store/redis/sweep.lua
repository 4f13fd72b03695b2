#!lua
-- Removes fields and tallies of the same names from entries, and a hash of which nothing is left. What
-- is no tally stays where it is.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2..] entriesAt    hash of each entry, and behind it a key for each field, of a tally so named
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2..] listsAt      lists: names as in `commit`; fields to remove
--
-- Returns one of
--   {'swept'}
--   {'conflict'} when the epoch is another one
--   {'type', key, reason}

local state = KEYS[1]
local entriesAt = 2
local epoch = ARGV[1]
local listsAt = 2

-- include lists
-- include rights

local standing = redis.pcall('HGET', state, 'epoch')
if type(standing) == 'table' then return {'type', state, standing.err} end
if standing ~= epoch then return {'conflict'} end
local namesFirst, namesLast, goneFirst, goneLast, at
namesFirst, namesLast, at = list(listsAt)
goneFirst, goneLast, at = list(at)
local tallies = {}
local keysEach = goneLast - goneFirst + 2
for entry = entriesAt, #KEYS, keysEach do
  local count = redis.pcall('HLEN', KEYS[entry])
  if type(count) == 'table' then return {'type', KEYS[entry], count.err} end
  for tally = entry + 1, entry + keysEach - 1 do
    count = redis.pcall('ZCARD', KEYS[tally])
    if type(count) == 'number' then
      if count > 0 then tallies[#tallies + 1] = KEYS[tally] end
    elseif string.sub(count.err, 1, 9) ~= 'WRONGTYPE' then
      return {'type', KEYS[tally], count.err}
    end
  end
end

for entry = entriesAt, #KEYS, keysEach do
  local key = KEYS[entry]
  if goneFirst <= goneLast then redis.call('HDEL', key, unpack(ARGV, goneFirst, goneLast)) end
  local values = redis.call('HMGET', key, unpack(ARGV, namesFirst, namesLast))
  local empty = not values[1]
  for i = 2, #values do empty = empty and (not values[i] or values[i] == '0') end
  if empty then redis.call('DEL', key) end
end
for _, key in ipairs(tallies) do redis.call('UNLINK', key) end
return {'swept'}
