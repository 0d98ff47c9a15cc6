-- link notes one end of an alias: at the account that a name leads to it, or at
-- the name that it leads to an account.
--
-- KEYS[1] -> user hash of this end
-- KEYS[2] -> index of locked users
-- KEYS[3] -> stream of events
-- ARGV[1] -> life of a reservation in ms
-- ARGV[2] -> life of the counters of a user who is not locked in ms, and of a link
-- ARGV[3] -> cap of the stream
-- ARGV[4] -> member of the index
-- ARGV[5] -> operation id
-- ARGV[6] -> "o" at the account, "a" at the name
-- ARGV[7] -> user of the other end
-- ARGV[8] -> most links of this end
--
-- Returns {code, 0, lock}. Codes: 1 noted, 2 this end has too many already,
-- 3 this end is what the other is: accounts lead nowhere.
--
-- Invariant: a link that lives is never given up for another, and no user is
-- both a name that leads somewhere and an account that is led to.
local kind, other = ARGV[6], ARGV[7]
local u = load(KEYS, ARGV[4], ARGV[5])
u.least = 2 * tonumber(ARGV[1])
local code, n = 1, 0
for user in pairs(u[kind]) do
  if user ~= other then n = n + 1 end
end
if next(kind == 'o' and u.a or u.o) then
  code = 3
elseif n >= tonumber(ARGV[8]) then
  code = 2
else
  local till = now + tonumber(ARGV[2])
  u[kind][other] = till
  put(u, kind .. other, string.format('%.0f', till))
  u.failed = true -- the hash must live as long
end
save(u, ARGV[2], ARGV[3])
return {code, 0, u.lock or ''}
