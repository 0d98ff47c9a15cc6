-- merge adds what a node counted by itself while it could not reach the store.
--
-- KEYS[1] -> user hash
-- KEYS[2] -> index of locked users
-- KEYS[3] -> stream of events
-- ARGV[1] -> life of the trace of this operation in ms
-- ARGV[2] -> life of the counters of a user who is not locked in ms
-- ARGV[3] -> cap of the stream
-- ARGV[4] -> member of the index
-- ARGV[5] -> operation id
-- ARGV[6] -> factor letter of the lock that the node made, or ""
-- ARGV[7] -> attempt that caused it
-- then any number of triples: factor letter, failures, max
--
-- Returns {1, 0, lock}, or {2, 0, lock} when this operation ran before.
--
-- Invariant: an operation is counted once, however often this runs; no lock of
-- a node is lost.
local u, id, code = load(KEYS, ARGV[4], ARGV[5]), ARGV[5], 2
u.least = 2 * tonumber(ARGV[1])
if not u.x[id] then
  code = 1
  u.x[id] = true
  u.tombstones = u.tombstones + 1
  put(u, 'x' .. id, string.format('%.0f', now + tonumber(ARGV[1])))
  if ARGV[6] ~= '' and not u.lock then lock(u, ARGV[6], ARGV[7], 'policy') end
  for i = 8, #ARGV, 3 do
    for _ = 1, tonumber(ARGV[i + 1]) do fail(u, ARGV[i], tonumber(ARGV[i + 2]), id) end
  end
end
save(u, ARGV[2], ARGV[3])
return {code, 0, u.lock or ''}
