-- Lists among the arguments: each is its length and its items.

-- A list that begins at `at`: first item, last item, where the next list begins.
local function list(at)
  local length = tonumber(ARGV[at])
  return at + 1, at + length, at + length + 1
end
