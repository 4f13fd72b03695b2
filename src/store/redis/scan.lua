#!lua flags=no-writes
-- Goes on with a scan of keys, if this is the Redis process that began it: the cursor of another
-- one means nothing here.
--
-- ARGV[1] process        run id of the process that gave the cursor; empty at the beginning
-- ARGV[2] cursor         where to go on
-- ARGV[3] pattern        which keys
-- ARGV[4] count          how many to look at, about
--
-- Returns one of
--   {'page', run id, cursor, {key, ...}}
--   {'lost'} when this is another process

local process = ARGV[1]
local cursor = ARGV[2]
local pattern = ARGV[3]
local count = ARGV[4]

local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if process ~= '' and process ~= run then return {'lost'} end
local page = redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', count)
return {'page', run, page[1], page[2]}
