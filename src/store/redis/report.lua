#!lua
-- Writes down what stops a place, or that nothing does any more.
--
-- KEYS[1] problems       hash, place -> problem as JSON
-- ARGV[1] place          topic partition, or another word
-- ARGV[2] problem        as JSON; empty for none
--
-- Returns one of
--   {'reported'}
--   {'type', key, reason}

local problems = KEYS[1]
local place = ARGV[1]
local problem = ARGV[2]

-- include rights

local count = redis.pcall('HLEN', problems)
if type(count) == 'table' then return {'type', problems, count.err} end
if problem == '' then
  redis.call('HDEL', problems, place)
else
  redis.call('HSET', problems, place, problem)
end
return {'reported'}
