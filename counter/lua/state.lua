-- state reads a user and writes nothing: what is due at the next touch, such
-- as the failure of an expired reservation, is in the answer already.
--
-- KEYS[1] -> user hash
-- KEYS[2] -> index of locked users
-- KEYS[3] -> stream of events
-- ARGV[1] -> member of the index
--
-- Returns {lock, number of accounts that the name leads to, the users of those,
-- number of names that lead to the account, the users of those, then for each
-- factor known: letter, failures, reservations}.
local u = load(KEYS, ARGV[1], '')
local answer, factors = {u.lock or ''}, {}
for _, ends in ipairs({u.a, u.o}) do
  local n = #answer + 1
  answer[n] = 0
  for user in pairs(ends) do
    answer[n] = answer[n] + 1
    answer[#answer + 1] = user
  end
end
for f in pairs(u.n) do factors[f] = true end
for f in pairs(u.held) do factors[f] = true end
for f in pairs(factors) do
  answer[#answer + 1] = f
  answer[#answer + 1] = failures(u, f)
  answer[#answer + 1] = u.held[f] or 0
end
return answer
