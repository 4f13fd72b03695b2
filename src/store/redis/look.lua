#!lua
-- Reads entries as texts, with the checkpoints of the same moment, and may leave a ticket with
-- each of them and with its owning row.
--
-- The texts are those of entry-text.ts, but that a counter stands as it is, whatever it is; only
-- one that reads `-`, which says that it is missing, becomes `?`. Each text is put together from
-- few pieces, for readers wait meanwhile. Entries that get a ticket lose their time to live: one that
-- was a cache's before it was the view's would vanish.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint
-- KEYS[3] tickets        hash, key of an entry -> ticket of its amounts
-- KEYS[4] rowTickets     hash, key of an entry -> ticket of its owning row
-- KEYS[5..] entriesAt    hash of each entry
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] ticket         what to leave; empty for nothing
-- ARGV[3] ttlMs          after so long without another look tickets go
-- ARGV[4] ticketsMax     tickets that may lie about; where there would be more, the old ones go
-- ARGV[5] cells          how many of the names are the row's
-- ARGV[6..] namesAt      fields: the row's, its key first, then every counter
--
-- Returns one of
--   {'entries', {topic partition, checkpoint, ...}, {text, ...}}
--   {'conflict'} when the epoch is another one
--   {'type', key, reason}

local state = KEYS[1]
local checkpoints = KEYS[2]
local tickets = KEYS[3]
local rowTickets = KEYS[4]
local entriesAt = 5
local epoch = ARGV[1]
local ticket = ARGV[2]
local ttlMs = ARGV[3]
local ticketsMax = ARGV[4]
local cells = ARGV[5]
local namesAt = 6

local standing = redis.pcall('HGET', state, 'epoch')
if type(standing) == 'table' then return {'type', state, standing.err} end
if standing ~= epoch then return {'conflict'} end
local moment = redis.pcall('HGETALL', checkpoints)
if moment.err then return {'type', checkpoints, moment.err} end

-- `12:` by 12: making text of a number costs more than finding it.
local lengths = setmetatable({}, {__index = function(known, length)
  local text = length .. ':'
  known[length] = text
  return text
end})

local names = {unpack(ARGV, namesAt)}
local last = #names
local row = tonumber(cells)
local size = last + last + 1

-- The pieces of one text: a mark, two for each cell, two for each counter.
local pieces = {'+'}
for i = row + 1, last do pieces[i + i] = ';' end
if last == row then
  size = size + 1
  pieces[size] = ';'
end

-- An entry without an owning row: `-`, or `!` where it says nothing and yet lies there.
local function rowless(key, values)
  local zero, found = true, false
  local counts = {}
  for i = row + 1, last do
    local value = values[i]
    if value then found = true end
    if value and value ~= '0' then zero = false end
    if value == '-' then value = '?' end
    counts[i - row] = value or '0'
  end
  found = found or redis.call('EXISTS', key) == 1
  return (zero and found and '!;' or '-;') .. table.concat(counts, ';')
end

local texts = {}
for entry = entriesAt, #KEYS do
  local values = redis.pcall('HMGET', KEYS[entry], unpack(names))
  if values.err then
    if string.sub(values.err, 1, 9) ~= 'WRONGTYPE' then return {'type', KEYS[entry], values.err} end
    texts[#texts + 1] = '?'
  elseif not values[1] then
    texts[#texts + 1] = rowless(KEYS[entry], values)
  else
    for i = 1, row do
      local value = values[i]
      if value then
        pieces[i + i] = lengths[#value]
        pieces[i + i + 1] = value
      else
        pieces[i + i] = '-'
        pieces[i + i + 1] = ''
      end
    end
    for i = row + 1, last do
      local value = values[i]
      if value == '-' then value = '?' end
      pieces[i + i + 1] = value or '-'
    end
    texts[#texts + 1] = table.concat(pieces, '', 1, size)
  end
end

if ticket ~= '' and #KEYS >= entriesAt then
  local count = redis.pcall('HLEN', tickets)
  if type(count) == 'table' then return {'type', tickets, count.err} end
  local rows = redis.pcall('HLEN', rowTickets)
  if type(rows) == 'table' then return {'type', rowTickets, rows.err} end
  if math.max(count, rows) + #KEYS > tonumber(ticketsMax) then
    redis.call('UNLINK', tickets, rowTickets)
  end
  local left = {}
  for entry = entriesAt, #KEYS do
    left[#left + 1] = KEYS[entry]
    left[#left + 1] = ticket
    redis.call('PERSIST', KEYS[entry])
  end
  redis.call('HSET', tickets, unpack(left))
  redis.call('HSET', rowTickets, unpack(left))
  redis.call('PEXPIRE', tickets, ttlMs)
  redis.call('PEXPIRE', rowTickets, ttlMs)
end
return {'entries', moment, texts}
