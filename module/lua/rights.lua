-- rights tells which commands the ACL user of the connection may not run. It runs
-- none of them.
--
-- KEYS[1] -> a key of the slot of all keys that the commands name
-- ARGV -> for each command: the number k of its words, and k words
--
-- Returns the places of the refused commands, from 1, or false when this server
-- cannot tell (redis.acl_check_cmd came with Redis 7).
if not redis.acl_check_cmd then return false end
local refused, place, at = {}, 1, 1
while at <= #ARGV do
  local k = tonumber(ARGV[at])
  -- It fails on a command that this server does not know.
  local known, may = pcall(redis.acl_check_cmd, unpack(ARGV, at + 1, at + k))
  if not known or not may then refused[#refused + 1] = place end
  place, at = place + 1, at + 1 + k
end
return refused
