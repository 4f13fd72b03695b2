-- Decimal texts of 64-bit integers. A Lua number is a double, which holds 15 digits exactly.

-- Sign, high and low ten digits of a decimal text of at most 19 digits.
local function parts(text)
  local digits = string.match(text, '^-?(%d+)$')
  if not digits or #digits > 19 or (#digits > 1 and string.sub(digits, 1, 1) == '0') then
    return nil
  end
  local negative = string.sub(text, 1, 1) == '-'
  return negative, tonumber(string.sub(digits, 1, -11)) or 0, tonumber(string.sub(digits, -10))
end

local function inRange(negative, high, low)
  if high ~= 922337203 then return high < 922337203 end
  return low <= 6854775807 or (negative and low == 6854775808)
end

-- Whether HINCRBY takes this text for a number.
local function isInteger(text)
  if #text <= 15 then
    return text == '0' or string.find(text, '^-?[1-9]%d*$') ~= nil
  end
  local negative, high, low = parts(text)
  return negative ~= nil and inRange(negative, high, low)
end

-- Whether the sum of two 64-bit integers is one too; the caller sends no amount that isn't.
local function sumFits(a, b)
  if #a <= 15 and #b <= 15 then return true end
  local aNegative, aHigh, aLow = parts(a)
  local bNegative, bHigh, bLow = parts(b)
  if aNegative ~= bNegative then return true end
  local low = aLow + bLow
  local carry = low >= 1e10 and 1 or 0
  return inRange(aNegative, aHigh + bHigh + carry, low - carry * 1e10)
end
