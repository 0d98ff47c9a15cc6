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
-- ARGV[6] -> number k of limits
-- then k times: factor letter, max (0 = never lock)
-- then any number of settles that ride along: attempt id, outcomes
--
-- Returns {code, free slots, lock}. Codes: 1 granted, 2 no free slot,
-- 3 locked (free slots is 1 when this id still holds one), 4 given up before,
-- 5 passes without a slot (every max is 0).
--
-- Invariant: when a slot is granted, failures + reservations <= max for each
-- factor under the max passed here. Repeating a call gives the same answer.
local life, id, k = tonumber(ARGV[1]), ARGV[5], tonumber(ARGV[6])
local u = load(KEYS, ARGV[4], id)
u.least = 2 * life

for i = 7 + 2 * k, #ARGV, 2 do settle(u, ARGV[i], ARGV[i + 1], life) end

local function decide()
  if u.lock then
    -- Either the first answer was lost and the attempt was never sent, or this
    -- is a late copy of a call whose attempt is on its way. Only the caller
    -- knows, so the slot stays and the caller is told of it.
    return 3, u.r[id] and 1 or 0
  end
  if u.x[id] then return 4, 0 end

  local least, limits = nil, {}
  for i = 7, 6 + 2 * k, 2 do
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
      lock(u, l[1], id, 'policy')
      return 3, 0
    end
  end
  if least < 1 then return 2, 0 end

  local value = {string.format('%.0f', now + life)}
  for _, l in ipairs(limits) do
    value[#value + 1] = string.format('%s%.0f/%.0f', l[1], u.n[l[1]] or 0, l[2])
  end
  put(u, 'r' .. id, table.concat(value, ','))
  u.reservations = u.reservations + 1
  return 1, least - 1
end

local code, slots = decide()
save(u, ARGV[2], ARGV[3])
return {code, slots, u.lock or ''}
