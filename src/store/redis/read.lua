#!lua flags=no-writes
-- Reads entries of views, with the state, the watermark and the doubts of each, all of one moment.
--
-- KEYS[1..] keysAt       of each view its state, its doubts (hash, name -> doubt), and of each entry
--   that is asked for its hash and those of its tallies that are asked for
-- ARGV[1] format         format that the states must have
-- ARGV[2..] viewsAt      of each view
--   the field of its state that says that the declaration is complete
--   how many fields to answer, and which
--   how many tallies to answer, and of each 'largest', 'first' or 'last', and how many items at most,
--     -1 for all
--   'keys' and how many entries are asked for; or 'by', for entries whose keys stand in entries that
--     are asked for: an earlier view as a number, 'field' or 'tally' and its number there, and with
--     what the keys of entries begin, then those of the tallies
--
-- Returns one of
--   {'read', {'unavailable', 'absent' or 'building'} or
--     {'serving', watermark, its age in milliseconds, {doubt, ...}, bound of what is kept or '',
--     entry, ...}, ...}
--     where an entry is {values in the order of fields, and then of each tally, if any of the values is
--     there, items and scores in turn}; by keys of others only those that are there, with the key in
--     front
--   {'format', format found, key}
--   {'type', key, reason}

local keysAt = 1
local format = ARGV[1]
local viewsAt = 2

local nextKey, nextArg = keysAt, viewsAt
local views = {}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function key()
  nextKey = nextKey + 1
  return KEYS[nextKey - 1]
end

local function arg()
  nextArg = nextArg + 1
  return ARGV[nextArg - 1]
end

-- Scores are the negative of amounts: from the largest amount to above zero, or of amount 1.
local function sliceOf(tally, order, most)
  if order == 'largest' then
    return redis.pcall('ZRANGE', tally, '-inf', '(0', 'BYSCORE', 'LIMIT', '0', most, 'WITHSCORES')
  end
  if order == 'first' then
    return redis.pcall('ZRANGE', tally, '-1', '-1', 'BYSCORE', 'LIMIT', '0', most, 'WITHSCORES')
  end
  return redis.pcall(
    'ZRANGE', tally, '-1', '-1', 'BYSCORE', 'REV', 'LIMIT', '0', most, 'WITHSCORES')
end

-- Values of an entry, or the key at which something is wrong, and what. The keys of its tallies stand
-- behind its own at `keyAt`, or are what they begin with and `name`.
local function entryOf(view, hash, keyAt, name)
  local values = redis.pcall('HMGET', hash, unpack(ARGV, view.namesAt, view.namesEnd))
  if values.err then return nil, hash, values.err end
  -- Without an owning row, counts tell whether the entry is there.
  local there = false
  for _, value in ipairs(values) do there = there or value end
  values.there = there and true or false
  for i = 1, there and view.tallies or 0 do
    local tally = keyAt and KEYS[keyAt + i] or view.prefixes[i] .. name
    local at = view.slicesAt + i * 2 - 2
    local found = sliceOf(tally, ARGV[at], ARGV[at + 1])
    if found.err then return nil, tally, found.err end
    values[#values + 1] = found
  end
  return values
end

-- Keys that entries of an earlier view hold, each once and in their order.
local function keysBy(from, kind, number)
  local found, seen = {}, {}
  local function add(text)
    if text and not seen[text] then
      seen[text] = true
      found[#found + 1] = text
    end
  end
  for _, values in ipairs(from.entries) do
    if values.there and kind == 'field' then add(values[number]) end
    if values.there and kind == 'tally' then
      local items = values[from.namesEnd - from.namesAt + 1 + number]
      for i = 1, #items, 2 do add(items[i]) end
    end
  end
  return found
end

-- The answer as it begins before the first entry, or the key at which something is wrong, and what.
local function standingOf(state, doubts, complete)
  local found = redis.pcall('HMGET', state, 'format', complete, 'watermark', 'watermark-at', 'doubts',
    'keep-from')
  local answer = {'unavailable', 'absent'}
  if found.err then return nil, state, found.err end
  if found[1] ~= format then
    if redis.call('EXISTS', state) == 0 then return answer end
    return nil, state, nil, found[1] or ''
  end
  answer[2] = 'building'
  if found[2] ~= '1' or not found[3] then return answer end
  local raised = {}
  if found[5] and found[5] ~= '0' then
    raised = redis.pcall('HVALS', doubts)
    if raised.err then return nil, doubts, raised.err end
    for i, doubt in ipairs(raised) do raised[i] = string.match(doubt, '^%S+ %d+ (%S+)') or '' end
  end
  answer = {'serving', found[3], now - (tonumber(found[4]) or 0), raised, found[6] or ''}
  return answer
end

-- Adds to the answer; these two say at which key something is wrong, and what.
local function readAsked(view, answer)
  local keysOfEntry = view.tallies + 1
  local first = nextKey
  nextKey = first + tonumber(arg()) * keysOfEntry
  if answer[1] ~= 'serving' then return end
  for at = first, nextKey - 1, keysOfEntry do
    local values, where, reason = entryOf(view, KEYS[at], at)
    if where then return where, reason end
    view.entries[#view.entries + 1] = values
    answer[#answer + 1] = values
  end
end

local function readNamed(view, answer)
  local from, kind, number, prefix = views[tonumber(arg())], arg(), tonumber(arg()), arg()
  view.prefixes = {}
  for i = 1, view.tallies do view.prefixes[i] = arg() end
  if answer[1] ~= 'serving' then return end
  for _, name in ipairs(keysBy(from, kind, number)) do
    local values, where, reason = entryOf(view, prefix .. name, nil, name)
    if where then return where, reason end
    if values.there then
      table.insert(values, 1, name)
      answer[#answer + 1] = values
    end
  end
end

local result = {'read'}
while nextArg <= #ARGV do
  local answer, where, reason, other = standingOf(key(), key(), arg())
  if other then return {'format', other, where} end
  if where then return {'type', where, reason} end
  local view = {entries = {}}
  local names = tonumber(arg())
  view.namesAt, view.namesEnd = nextArg, nextArg + names - 1
  nextArg = nextArg + names
  view.tallies = tonumber(arg())
  view.slicesAt = nextArg
  nextArg = nextArg + view.tallies * 2
  local read = arg() == 'keys' and readAsked or readNamed
  where, reason = read(view, answer)
  if where then return {'type', where, reason} end
  views[#views + 1] = view
  result[#result + 1] = answer
end
return result
