-- confirm writes a lock once more as it is. Replication is in order: whoever has
-- this write has the one that locked.
--
-- KEYS[1] -> user hash
-- ARGV[1] -> attempt or operation id that caused the lock
--
-- Returns 1, or 0 when that lock is not there any more.
--
-- Invariant: changes nothing that can be read.
local l = redis.call('HGET', KEYS[1], 'l')
if not l or string.match(l, '^[^,]*,[^,]*,([^,]*)') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'l', l)
return 1
