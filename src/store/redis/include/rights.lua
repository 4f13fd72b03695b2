-- Redis keeps what a script wrote before an error. So one that writes asks first whether its user
-- may run every command of it: at the first and at the last key, for rights may be given by keys.

for _, at in ipairs({1, #KEYS}) do
  local key = KEYS[at]
  local lacking = ''
  for _, command in ipairs({--[[ the script's commands ]]}) do
    if not redis.acl_check_cmd(command, key, key, key) then
      lacking = lacking .. ' +' .. string.lower(command)
    end
  end
  if lacking ~= '' then error({err = 'NOPERM nothing was written: the user lacks' .. lacking}) end
end
