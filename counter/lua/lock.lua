-- lock locks a user by order of an administrator.
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
-- Returns {1, lock} when this operation locked the user, now or before, {0, lock}
-- when the user was locked before.
--
-- Invariant: reservations stay; their success is refused at settle. A repeated
-- call does not lock again a user whom somebody has unlocked meanwhile.
local u = load(KEYS, ARGV[4], ARGV[5])
u.least = 2 * tonumber(ARGV[1])
if u.x[ARGV[5]] then
  save(u, ARGV[2], ARGV[3])
  return {1, table.concat({'-', string.format('%.0f', now), ARGV[5], ARGV[6]}, ',')}
end
if not u.lock then lock(u, '-', ARGV[5], ARGV[6]) end
save(u, ARGV[2], ARGV[3])
local id = string.match(u.lock, '^[^,]*,[^,]*,([^,]*)')
return {id == ARGV[5] and 1 or 0, u.lock}
