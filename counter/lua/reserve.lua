-- reserve asks for a slot of every factor of an attempt, all or none.
--
-- KEYS[1] -> user hash
-- KEYS[2] -> index of locked users
-- KEYS[3] -> stream of events
-- ARGV[1] -> life of a reservation in ms
-- ARGV[2] -> life of the counters of a user who is not locked in ms
-- ARGV[3] -> cap of the stream
-- ARGV[4] -> member of the index
-- ARGV[5] -> attempt id
-- ARGV[6] -> "" for a name that somebody has typed; "@<digest of the name>" for
--            an account that a name leads to; "@" for a name whose accounts are
--            reserved too: it is not locked, as there are those to be locked;
--            "@!" for the same when each of them has been granted
-- ARGV[7] -> number m of accounts that the caller reserves too
-- then m times: user of the account
-- then number k of limits, and k times: factor letter, max (0 = never lock)
-- then any number of settles that ride along: attempt id, outcomes
--
-- Returns {code, free slots, lock}. Codes: 1 granted, 2 no free slot,
-- 3 locked (free slots is 1 when this id still holds one), 4 given up before,
-- 5 passes without a slot (every max is 0), 6 nothing was granted: the name leads
-- to an account that the caller does not know. Behind it then, for each account:
-- user, until when in ms.
--
-- Invariant: when a slot is granted, failures + reservations <= max for each
-- factor under the max passed here. Repeating a call gives the same answer.
local life, id, as, m = tonumber(ARGV[1]), ARGV[5], ARGV[6], tonumber(ARGV[7])
local at = 8 + m
local k = tonumber(ARGV[at])
local u = load(KEYS, ARGV[4], id)
u.least = 2 * life

for i = at + 1 + 2 * k, #ARGV, 2 do settle(u, ARGV[i], ARGV[i + 1], life) end

-- strange reports whether the name leads to somebody whom the caller does not
-- know.
local function strange()
  if #as > 2 then return false end -- an account leads nowhere
  for user in pairs(u.a) do
    local known = false
    for i = 8, 7 + m do known = known or ARGV[i] == user end
    if not known then return true end
  end
  return false
end

local function decide()
  if u.lock then
    -- Either the first answer was lost and the attempt was never sent, or this
    -- is a late copy of a call whose attempt is on its way. Only the caller
    -- knows, so the slot stays and the caller is told of it.
    return 3, u.r[id] and 1 or 0
  end
  if u.x[id] then return 4, 0 end
  if not u.r[id] and strange() then return 6, 0 end

  local least, limits = nil, {}
  for i = at + 1, at + 2 * k, 2 do
    local f, max = ARGV[i], tonumber(ARGV[i + 1])
    if max > 0 then
      limits[#limits + 1] = {f, max}
      local slots = free(u, f, max)
      least = math.min(least or slots, slots)
    end
  end
  if not least then return 5, 0 end
  if u.r[id] then return 1, least end

  for _, l in ipairs(limits) do
    -- The policy was lowered below what this user has used already.
    if failures(u, l[1]) >= l[2] then
      if as == '@' then return 2, 0 end
      lock(u, l[1], id, 'policy')
      return 3, 0
    end
  end
  if least < 1 then return 2, 0 end

  local value = {string.format('%.0f', now + life)}
  local by = as == '@!' and '@' or as
  for _, l in ipairs(limits) do
    local v = u.v[l[1] .. string.sub(by, 2)] -- none but of an account
    value[#value + 1] = string.format('%s%.0f/%.0f', l[1], u.n[l[1]] or 0, l[2]) .. (v and string.format('/%.0f', v) or '')
  end
  put(u, 'r' .. id, table.concat(value, ',') .. by)
  u.reservations = u.reservations + 1
  return 1, least - 1
end

local code, slots = decide()
save(u, ARGV[2], ARGV[3])
local answer = {code, slots, u.lock or ''}
if code == 6 then
  for user, till in pairs(u.a) do
    answer[#answer + 1] = user
    answer[#answer + 1] = string.format('%.0f', till)
  end
end
return answer
