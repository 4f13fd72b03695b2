#!lua
-- Moves keys aside that stand where an entry should and can't be one: of another type, with a
-- counter that is no 64-bit integer, or with a cell whose item is no text or whose amount is no
-- integer of 53 bits. The tickets that lie with the entry go: they speak of what was there. A doubt
-- about the entry may be raised in the same step.
--
-- KEYS[1] state          hash of the view's state
-- KEYS[2] tickets        hash, key of an entry -> ticket of its amounts
-- KEYS[3] rowTickets     hash, key of an entry -> ticket of its owning row
-- KEYS[4] doubts         hash, name -> doubt
-- KEYS[5] entry          where the entry's hash is
-- KEYS[6..] talliesAt    where its tallies are
-- ARGV[1] epoch          epoch that the state must have
-- ARGV[2] name           name of the doubt; empty for none
-- ARGV[3] id             its id from now on
-- ARGV[4] text           its code and JSON
-- ARGV[5..] listsAt      lists: fields that are counters; for each of these keys what it is named
--   from then on, but for the time at its end
--
-- Returns one of
--   {'displaced', name of a moved key now, ...}
--   {'sound'} when it is a fit entry, or nothing
--   {'conflict'} when the epoch is another one
--   {'type', key, reason}

local state = KEYS[1]
local tickets = KEYS[2]
local rowTickets = KEYS[3]
local doubts = KEYS[4]
local entry = KEYS[5]
local talliesAt = 6
local epoch = ARGV[1]
local name = ARGV[2]
local id = ARGV[3]
local text = ARGV[4]
local listsAt = 5

-- include lists
-- include int64
-- include cells
-- include clock
-- include doubts
-- include rights

-- Bytes of one letter in UTF-8, beyond ASCII.
local letters = {
  '^[\194-\223][\128-\191]',
  '^\224[\160-\191][\128-\191]',
  '^[\225-\236\238\239][\128-\191][\128-\191]',
  '^\237[\128-\159][\128-\191]',
  '^\240[\144-\191][\128-\191][\128-\191]',
  '^[\241-\243][\128-\191][\128-\191][\128-\191]',
  '^\244[\128-\143][\128-\191][\128-\191]',
}

local function letterEnd(bytes, at)
  for _, letter in ipairs(letters) do
    local _, last = string.find(bytes, letter, at)
    if last then return last end
  end
  return nil
end

local function isText(bytes)
  local at = string.find(bytes, '[\128-\255]')
  while at do
    local last = letterEnd(bytes, at)
    if not last then return false end
    at = string.find(bytes, '[\128-\255]', last + 1)
  end
  return true
end

local function isHash(countersFirst, countersLast)
  local kind = redis.call('TYPE', entry).ok
  if kind ~= 'hash' then return kind == 'none' end
  for i = countersFirst, countersLast do
    local value = redis.call('HGET', entry, ARGV[i])
    if value and not isInteger(value) then return false end
  end
  return true
end

local function isTally(key)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'zset' then return kind == 'none' end
  for from = 0, redis.call('ZCARD', key) - 1, 1000 do
    local found = redis.call('ZRANGE', key, from, from + 999, 'WITHSCORES')
    for i = 1, #found, 2 do
      if not amounts[found[i + 1]] or not isText(found[i]) then return false end
    end
  end
  return true
end

local function displace(key, target, now)
  local aside = target .. now
  while redis.call('EXISTS', aside) == 1 do
    now = string.format('%.0f', tonumber(now) + 1)
    aside = target .. now
  end
  redis.call('RENAME', key, aside)
  return aside
end

local standing = redis.pcall('HGET', state, 'epoch')
if type(standing) == 'table' then return {'type', state, standing.err} end
if standing ~= epoch then return {'conflict'} end
for _, key in ipairs({tickets, rowTickets, doubts}) do
  local count = redis.pcall('HLEN', key)
  if type(count) == 'table' then return {'type', key, count.err} end
end

local first, last, at = list(listsAt)
local unfit = {}
local target = at + 1
if not isHash(first, last) then unfit[#unfit + 1] = {key = entry, target = ARGV[target]} end
for i = talliesAt, #KEYS do
  target = target + 1
  if not isTally(KEYS[i]) then unfit[#unfit + 1] = {key = KEYS[i], target = ARGV[target]} end
end
if #unfit == 0 then return {'sound'} end

local now = nowMs()
local result = {'displaced'}
for _, found in ipairs(unfit) do
  result[#result + 1] = displace(found.key, found.target, now)
end
redis.call('HDEL', tickets, entry)
redis.call('HDEL', rowTickets, entry)
if name ~= '' then
  raise(doubts, name, id, text, now)
  countDoubts(state, doubts)
end
return result
