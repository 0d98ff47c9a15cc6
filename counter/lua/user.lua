-- Part of every script: the user as one table, read once and written once.
--
-- Fields of the user's hash (all values <= 64 bytes, so it stays a listpack):
--   n<f>   failures of factor f ever           b<f>   forgiven up to this n
--   r<id>  reservation of an attempt: "<deadline ms>,<f><n seen>/<max>[/<v seen>][,...]",
--          behind it "@" where the user is a name whose accounts count as well,
--          "@<digest of the name>" where he is such an account
--   a<user> this name leads to the account of this user until "<ms>"
--   o<user> this account is reached by the name of this user until "<ms>"
--   v<f><digest>  how many of the failures n - b came by the name with this digest
--   x<id>  tombstone "<deadline ms>": a reserve of this id grants nothing
--   l      lock "<f or ->,<ms>,<attempt or operation id>,<actor>"
--   u      id of the operation that unlocked last
-- f is one letter: p password, t totp, s otp_sms, e otp_email, r recovery_code.
--
-- Invariants kept here:
--   n and b never fall while the hash lives, and b <= n
--   all v of a factor together are at most n - b
--   a locked user has no TTL and stands in the index; nobody else does
--   exactly one event per transition, written by the script that makes it
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function failures(u, f)
  return (u.n[f] or 0) - (u.b[f] or 0)
end

local function put(u, field, value)
  u.put[#u.put + 1] = field
  u.put[#u.put + 1] = value
end

local function lock(u, f, id, actor)
  u.lock = table.concat({f, string.format('%.0f', now), id, actor}, ',')
  u.locked = {f, id, actor}
end

local function fail(u, f, max, id)
  u.n[f] = (u.n[f] or 0) + 1
  u.touched[f] = true
  u.failed = true
  if not u.lock and failures(u, f) >= max then lock(u, f, id, 'policy') end
end

-- through notes by which name a failure came that an account has.
local function through(u, f, by)
  if not by or by == '' then return end
  u.v[f .. by] = (u.v[f .. by] or 0) + 1
  u.moved[f .. by] = true
end

-- forgive forgives the failures of a factor up to n. Which of those that stay
-- came by which name is not known: none of them is forgiven by a name again.
local function forgive(u, f, n)
  u.b[f] = n
  u.touched[f] = true
  for name in pairs(u.v) do
    if string.sub(name, 1, 1) == f then
      u.v[name] = 0
      u.moved[name] = true
    end
  end
end

local function release(u, id)
  for f in pairs(u.r[id].factors) do u.held[f] = u.held[f] - 1 end
  u.r[id] = nil
  u.reservations = u.reservations - 1
  u.del[#u.del + 1] = 'r' .. id
end

-- load reads the user. Reservations whose deadline has passed become failures:
-- their node died or was cut off, and the login service may have checked them.
-- cause is the id that stands in the lock if that locks the user.
local function load(keys, member, cause)
  local u = {key = keys[1], index = keys[2], events = keys[3], member = member,
    n = {}, b = {}, r = {}, x = {}, a = {}, o = {}, v = {}, held = {}, put = {}, del = {}, touched = {}, moved = {},
    reservations = 0, tombstones = 0}
  local raw = redis.call('HGETALL', u.key)
  u.fresh = #raw == 0
  local late = {}
  for i = 1, #raw, 2 do
    local kind, name, value = string.sub(raw[i], 1, 1), string.sub(raw[i], 2), raw[i + 1]
    if kind == 'n' or kind == 'b' or kind == 'v' then
      u[kind][name] = tonumber(value)
    elseif kind == 'a' or kind == 'o' then
      if tonumber(value) > now then
        u[kind][name] = tonumber(value)
      else
        u.del[#u.del + 1] = raw[i]
      end
    elseif kind == 'r' then
      local deadline = tonumber(string.match(value, '^%d+'))
      local factors = {}
      local list, by = string.match(value, '^([^@]*)@?(.*)$')
      for f, seen, max, v in string.gmatch(list, ',(%a)(%d+)/(%d+)/?(%d*)') do
        factors[f] = {seen = tonumber(seen), max = tonumber(max), v = tonumber(v) or 0}
        u.held[f] = (u.held[f] or 0) + 1
      end
      if #list == #value then by = nil end
      u.r[name] = {factors = factors, by = by}
      u.reservations = u.reservations + 1
      if deadline <= now then late[#late + 1] = name end
    elseif kind == 'x' then
      if tonumber(value) > now then
        u.x[name] = true
        u.tombstones = u.tombstones + 1
      else
        u.del[#u.del + 1] = raw[i]
      end
    elseif kind == 'l' then
      u.lock = value
    elseif kind == 'u' then
      u.unlocked = value
    end
  end
  -- They failed together: neither the order of the fields nor that of the
  -- limits, if the policy changed between them, decides whether that locks.
  local strictest = {}
  for _, id in ipairs(late) do
    local factors, by = u.r[id].factors, u.r[id].by
    release(u, id)
    for f, seen in pairs(factors) do
      -- Where the account counts as well, it is the one to be locked.
      if by ~= '' then strictest[f] = math.min(strictest[f] or seen.max, seen.max) end
      fail(u, f, math.huge, cause)
      through(u, f, by)
    end
  end
  for f, max in pairs(strictest) do
    if not u.lock and failures(u, f) >= max then lock(u, f, cause, 'policy') end
  end
  return u
end

-- settle ends the attempt id. outcomes is a list of letter pairs, factor and
-- s(uccess) f(ailure) v(oid) and o: a success of which is known by which name it
-- came, and not whether this is the account; a factor of the reservation that is
-- not named counts as failed. z forgives the factor whatever is reserved. "!" gives up a
-- reserve whose answer is unknown and leaves a tombstone for ttl ms, also where
-- there was a reservation: another copy of that reserve may still be on its way.
-- Nothing else happens to an absent id: it was settled before, or has expired
-- and was counted then.
-- Returns false when a success came too late because the user is locked.
local function settle(u, id, outcomes, ttl)
  local held, pass, named = u.r[id], true, {}
  for f, o in string.gmatch(outcomes, '(%a)(%a)') do
    named[f] = o
    if (o == 's' or o == 'o') and u.lock then pass = false end
    if o == 'z' and failures(u, f) > 0 then forgive(u, f, u.n[f]) end
  end
  if outcomes == '!' and not u.x[id] then
    u.x[id] = true
    u.tombstones = u.tombstones + 1
    put(u, 'x' .. id, string.format('%.0f', now + ttl))
  end
  if not held then return pass end
  release(u, id)
  if outcomes == '!' then return pass end
  for f, o in pairs(named) do
    -- Only what was seen is forgiven: a failure that settled meanwhile may
    -- have been checked after this success.
    local seen = held.factors[f]
    if o == 's' and pass and seen and seen.seen > (u.b[f] or 0) then forgive(u, f, seen.seen) end
    if o == 'o' and pass and seen and held.by then
      local v = u.v[f .. held.by] or 0
      -- What was forgiven since, others may have counted anew by that name.
      local k = math.min(seen.v, v, seen.seen - (u.b[f] or 0))
      if k > 0 then
        u.b[f] = (u.b[f] or 0) + k
        u.touched[f] = true
        u.v[f .. held.by] = v - k
        u.moved[f .. held.by] = true
      end
    end
  end
  for f, seen in pairs(held.factors) do
    if (named[f] or 'f') == 'f' then
      fail(u, f, held.by == '' and math.huge or seen.max, id)
      through(u, f, held.by)
    end
  end
  return pass
end

-- free returns the slots that are left of the factor under max.
local function free(u, f, max)
  return math.max(0, max - failures(u, f) - (u.held[f] or 0))
end

-- save writes what changed. ttl is the life of counters of a user who is not
-- locked; cap bounds the stream of events.
local function save(u, ttl, cap)
  -- lasting must be kept; traces only answer a repeated call for a while.
  local lasting = u.lock or u.reservations > 0 or next(u.a) or next(u.o)
  local traces = u.tombstones > 0 or u.unlocked
  for f in pairs(u.touched) do
    put(u, 'n' .. f, string.format('%.0f', u.n[f] or 0))
    if (u.b[f] or 0) > 0 then put(u, 'b' .. f, string.format('%.0f', u.b[f])) end
  end
  for name in pairs(u.moved) do
    if u.v[name] > 0 then
      put(u, 'v' .. name, string.format('%.0f', u.v[name]))
    else
      u.del[#u.del + 1] = 'v' .. name
    end
  end
  for f in pairs(u.n) do
    if failures(u, f) > 0 then lasting = true end
  end
  if not lasting and not traces then
    if not u.fresh then redis.call('DEL', u.key) end
  else
    if u.locked then put(u, 'l', u.lock) end
    -- First what goes: an id that expired may be reserved anew in one call.
    -- unpack takes at most some 8,000 values, and much can come at once: a high
    -- max expires, or a store comes back to all that was given up meanwhile.
    for i = 1, #u.del, 1000 do
      redis.call('HDEL', u.key, unpack(u.del, i, math.min(i + 999, #u.del)))
    end
    for i = 1, #u.put, 1000 do
      redis.call('HSET', u.key, unpack(u.put, i, math.min(i + 999, #u.put)))
    end
    if u.locked then
      redis.call('PERSIST', u.key)
    elseif not lasting then
      if #u.put + #u.del > 0 then redis.call('PEXPIRE', u.key, u.least) end
    elseif not u.lock and (u.failed or (#u.put > 0 and (u.fresh or redis.call('PTTL', u.key) <= u.least))) then
      redis.call('PEXPIRE', u.key, ttl)
    end
  end
  if u.locked then
    redis.call('ZADD', u.index, 0, u.member)
    redis.call('XADD', u.events, 'MAXLEN', '~', cap, '*', 'type', 'user_locked', 'subject', u.member,
      'factor', u.locked[1], 'id', u.locked[2], 'actor', u.locked[3])
    -- Nodes that listen know it before they ask. The channel has the name of
    -- the index that has changed. A user who may not publish delays that, and no
    -- more: an error here would hide the answer of a lock that stands.
    redis.pcall('PUBLISH', u.index, '+' .. u.member)
  end
end
