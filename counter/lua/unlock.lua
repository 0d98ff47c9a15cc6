-- unlock unlocks a user and forgives every failure so far.
--
-- KEYS[1] -> user hash
-- KEYS[2] -> index of locked users
-- KEYS[3] -> stream of events
-- ARGV[1] -> life of a reservation in ms
-- ARGV[2] -> life of the counters of a user who is not locked in ms
-- ARGV[3] -> cap of the stream
-- ARGV[4] -> member of the index
-- ARGV[5] -> operation id
-- ARGV[6] -> actor
--
-- Returns {1} when this operation unlocked the user, now or before, {0} when the
-- user was not locked.
--
-- Invariant: reservations stay. Their failures count from now on, and their
-- success forgives nothing newer than what they saw.
local u = load(KEYS, ARGV[4], ARGV[5])
u.least = 2 * tonumber(ARGV[1])
-- A repeated call must not remove a lock that came after the first.
if not u.lock or u.unlocked == ARGV[5] then
  save(u, ARGV[2], ARGV[3])
  return {u.unlocked == ARGV[5] and 1 or 0}
end
-- A copy of the call that locked may still be on its way: it must not lock again.
local locker, actor = string.match(u.lock, '^[^,]*,[^,]*,([^,]*),(.*)$')
if actor == 'admin' and not u.x[locker] then
  u.x[locker] = true
  u.tombstones = u.tombstones + 1
  put(u, 'x' .. locker, string.format('%.0f', now + tonumber(ARGV[1])))
end
u.lock, u.locked = nil, nil
u.del[#u.del + 1] = 'l'
for f, n in pairs(u.n) do forgive(u, f, n) end
-- The id stays for a while so that a repeated call gives the same answer.
u.unlocked, u.failed = ARGV[5], u.reservations > 0
put(u, 'u', ARGV[5])
save(u, ARGV[2], ARGV[3])
redis.call('ZREM', u.index, u.member)
redis.call('XADD', u.events, 'MAXLEN', '~', ARGV[3], '*', 'type', 'user_unlocked', 'subject', u.member,
  'id', ARGV[5], 'actor', ARGV[6])
redis.pcall('PUBLISH', u.index, '-' .. u.member)
return {1}
