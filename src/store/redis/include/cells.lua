-- A tally is a sorted set of items. A score is the negative of an amount, so that the largest come
-- first and ties in byte order. It is a double, which holds integers of 53 bits exactly.

local cellMost = 9007199254740991

-- Whether a cell may hold this number; infinity and fractions are no amounts.
local function isAmount(number)
  return number % 1 == 0 and number <= cellMost and number >= -cellMost
end

-- The amount that a score stands for as decimal text; false for what is none, as 0.
local amounts = setmetatable({}, {__index = function(known, score)
  local amount = -tonumber(score)
  local text = amount ~= 0 and isAmount(amount) and string.format('%.0f', amount)
  known[score] = text
  return text
end})
