#!lua flags=no-writes
-- Goes on with a scan of the items of a tally, if this is the Redis process that began it: the cursor
-- of another one means nothing here.
--
-- KEYS[1] tally          sorted set
-- ARGV[1] process        run id of the process that gave the cursor; empty at the beginning
-- ARGV[2] cursor         where to go on
-- ARGV[3] count          how many to look at, about
--
-- Returns one of
--   {'page', run id, cursor, {item, score, ...}}
--   {'lost'} when this is another process
--   {'type', key, reason}

local tally = KEYS[1]
local process = ARGV[1]
local cursor = ARGV[2]
local count = ARGV[3]

local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if process ~= '' and process ~= run then return {'lost'} end
local page = redis.pcall('ZSCAN', tally, cursor, 'COUNT', count)
if page.err then return {'type', tally, page.err} end
return {'page', run, page[1], page[2]}
