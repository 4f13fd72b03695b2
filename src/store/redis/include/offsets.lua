-- A checkpoint is kept as `<next> <JSON>`.

-- Whether `next` is at or above `last`: decimal texts compare by length, then digit by digit.
local function reaches(next, last)
  if #next ~= #last then return #next > #last end
  return next >= last
end
