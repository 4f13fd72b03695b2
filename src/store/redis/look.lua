#!lua
-- Reads entries as texts, with the checkpoints of the same moment, and may leave a ticket with
-- each of them and with its owning row.
--
-- The texts are those of entry-text.ts, but that a counter stands as it is, whatever it is; only
-- one that reads `-`, which says that it is missing, becomes `?`. So the tallies, which stand behind
-- the counters, are answered apart. Each text is put together from few pieces, for readers wait
-- meanwhile. Entries that get a ticket lose their time to live: one that
-- was a cache's before it was the view's would vanish.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] checkpoints    hash, topic partition -> checkpoint
-- KEYS[3] tickets        hash, key of an entry -> ticket of its amounts
-- KEYS[4] rowTickets     hash, key of an entry -> ticket of its owning row
-- KEYS[5..] entriesAt    hash of each entry, and behind it all of its tallies
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] ticket         what to leave; empty for nothing
-- ARGV[3] ttlMs          after so long without another look tickets go
-- ARGV[4] ticketsMax     tickets that may lie about; where there would be more, the old ones go
-- ARGV[5] shape          three numbers with blanks between: how many of the names are the row's, how
--   many tallies an entry has, and of how many items one is told
-- ARGV[6..] namesAt      fields: the row's, its key first, then every counter
--
-- Returns one of
--   {'entries', {topic partition, checkpoint, ...}, {text, ...}, {text of the tallies, ...}, bound of
--     what is kept or ''} where the last list is empty when an entry has no tallies
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
local shape = ARGV[5]
local namesAt = 6

-- include cells
-- include rights

local standing = redis.pcall('HMGET', state, 'epoch', 'keep-from')
if standing.err then return {'type', state, standing.err} end
if standing[1] ~= epoch then return {'conflict'} end
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
local row, tallies, told = string.match(shape, '^(%d+) (%d+) (%d+)$')
row = tonumber(row)
tallies = tonumber(tallies)
told = tonumber(told)
local size = last + last + 1

-- The pieces of one text: a mark, two for each cell, two for each counter.
local pieces = {'+'}
for i = row + 1, last do pieces[i + i] = ';' end
if last == row then
  size = size + 1
  pieces[size] = ';'
end

-- An entry without an owning row: `-`, or `!` where it says nothing and yet lies there.
local function rowless(key, values, hasCells)
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
  return (zero and found and not hasCells and '!;' or '-;') .. table.concat(counts, ';')
end

-- The text of the tallies behind the entry's hash; `?` for what no tally is. Else an error.
local function cellsAt(first)
  local parts = {}
  for i = first, first + tallies - 1 do
    parts[#parts + 1] = '|'
    local count = redis.pcall('ZCARD', KEYS[i])
    if type(count) == 'table' then
      if string.sub(count.err, 1, 9) == 'WRONGTYPE' then return '?' end
      return nil, {'type', KEYS[i], count.err}
    end
    if count > told then
      parts[#parts + 1] = '*'
    elseif count > 0 then
      local found = redis.call('ZRANGE', KEYS[i], 0, -1, 'WITHSCORES')
      for at = 1, #found, 2 do
        local item = found[at]
        local amount = amounts[found[at + 1]]
        if not amount then return '?' end
        local size = #parts
        parts[size + 1] = lengths[#item]
        parts[size + 2] = item
        parts[size + 3] = amount
        parts[size + 4] = ';'
      end
    end
  end
  return table.concat(parts)
end

local texts = {}
local tails = {}
local keysEach = tallies + 1
for entry = entriesAt, #KEYS, keysEach do
  local values = redis.pcall('HMGET', KEYS[entry], unpack(names))
  local tail, fault = '', nil
  if tallies > 0 then
    tail, fault = cellsAt(entry + 1)
    if fault then return fault end
    tails[#tails + 1] = tail
  end
  if values.err then
    if string.sub(values.err, 1, 9) ~= 'WRONGTYPE' then return {'type', KEYS[entry], values.err} end
    texts[#texts + 1] = '?'
  elseif not values[1] then
    texts[#texts + 1] = rowless(KEYS[entry], values, #tail > tallies)
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
  if math.max(count, rows) + (#KEYS - entriesAt + 1) / keysEach > tonumber(ticketsMax) then
    redis.call('UNLINK', tickets, rowTickets)
  end
  local left = {}
  for entry = entriesAt, #KEYS, keysEach do
    left[#left + 1] = KEYS[entry]
    left[#left + 1] = ticket
    for key = entry, entry + tallies do redis.call('PERSIST', KEYS[key]) end
  end
  redis.call('HSET', tickets, unpack(left))
  redis.call('HSET', rowTickets, unpack(left))
  redis.call('PEXPIRE', tickets, ttlMs)
  redis.call('PEXPIRE', rowTickets, ttlMs)
end
return {'entries', moment, texts, tails, standing[2] or ''}
