-- settle ends attempts of one or more users.
--
-- KEYS, for each user: user hash, index of locked users, stream of events
-- ARGV[1] -> life of a tombstone in ms
-- ARGV[2] -> life of the counters of a user who is not locked in ms
-- ARGV[3] -> cap of the stream
-- then for each user: member of the index, number k of settles,
-- and k times: attempt id, outcomes (see user.lua)
--
-- Returns for each user {pass, free slots, lock}: pass is 0 when the last
-- settle was a success that came too late because the user is locked, else 1.
--
-- Invariant: an attempt is counted at most once, however often this runs.
local life, at, answer = tonumber(ARGV[1]), 4, {}
for i = 1, #KEYS, 3 do
  local k = tonumber(ARGV[at + 1])
  local u = load({KEYS[i], KEYS[i + 1], KEYS[i + 2]}, ARGV[at], ARGV[at + 2])
  u.least = 2 * life
  local pass, slots = true, 0
  for j = at + 2, at + 2 * k, 2 do
    local held = u.r[ARGV[j]]
    pass = settle(u, ARGV[j], ARGV[j + 1], life)
    for f, seen in pairs(held and held.factors or {}) do slots = math.max(slots, free(u, f, seen.max)) end
  end
  at = at + 2 + 2 * k
  save(u, ARGV[2], ARGV[3])
  answer[#answer + 1] = {pass and 1 or 0, slots, u.lock or ''}
end
return answer
