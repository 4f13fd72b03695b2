-- A doubt is kept under its name, as `<id> <since> <code> <JSON>`: `since` in milliseconds. How
-- many there are stands in the state too, so that a read which meets none does not ask for them.

-- Raises a doubt: under the id that it is given, since when the one of its name has stood.
local function raise(doubts, name, id, text, now)
  local found = redis.call('HGET', doubts, name)
  local since = found and string.match(found, '^%S+ (%d+) ') or now
  redis.call('HSET', doubts, name, id .. ' ' .. since .. ' ' .. text)
end

local function countDoubts(state, doubts)
  redis.call('HSET', state, 'doubts', redis.call('HLEN', doubts))
end
