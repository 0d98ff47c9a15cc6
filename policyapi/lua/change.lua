-- What every change of a policy begins with. It is put in front of the other
-- scripts of this folder.
--
-- KEYS[1] -> {<instance>}:policy:<organization>, or {<instance>}:policy
-- KEYS[2] -> {<instance>}:sequence
-- KEYS[3] -> {<instance>}:events, the stream
-- ARGV[1] -> token of the call: the same for a retry, for nothing else
-- ARGV[2] -> {<instance>}:changes, the channel (no key)
-- ARGV[3] -> organization, empty for the instance default
-- ARGV[4] -> id of the call
-- ARGV[5] -> name of the caller, who may be nobody
--
-- Returns what answer() returns: {sequence, seconds, microseconds} as strings,
-- or an integer that the script explains.
--
-- Invariant: a token raises the sequence at most once, and whoever sends it
-- again within REMEMBER seconds gets the first answer. The stream gets one entry
-- per change. Only changes are
-- remembered: to decide anew after a refusal is right. Numbers that leave the
-- script are never Lua numbers, which print with 14 digits.
--
-- Hash: sequence, password, otp, created, changed ("seconds microseconds"),
-- and ops: one line "token sequence seconds microseconds" per recent change,
-- newest first. It is a policy if it has a sequence.

local REMEMBER, MOST, CAP = 60, 64, 1000

local policy, sequence = KEYS[1], KEYS[2]
local token, channel, organization = ARGV[1], ARGV[2], ARGV[3]
local now = redis.call('TIME')
local ops = redis.call('HGET', policy, 'ops') or ''

-- answered is the answer that this call got before, or nil.
local function answered()
  for t, s, sec, usec in string.gmatch(ops, '(%S+) (%d+) (%d+) (%d+)') do
    if t == token then return {s, sec, usec} end
  end
end

-- change raises the sequence, remembers the call, tells the nodes, writes the
-- event of an action and returns the answer. INCR comes first: it is what a
-- full Redis refuses, and then nothing has happened yet.
local function change(action)
  redis.call('INCR', sequence)
  local s = redis.call('GET', sequence)
  local lines = {table.concat({token, s, now[1], now[2]}, ' ')}
  for line, sec in string.gmatch(ops, '(%S+ %d+ (%d+) %d+)') do
    if #lines < MOST and tonumber(now[1]) - tonumber(sec) < REMEMBER then
      lines[#lines + 1] = line
    end
  end
  redis.call('HSET', policy, 'ops', table.concat(lines, '\n'))
  -- A user who may not publish delays the change on other nodes (they poll the
  -- sequence), and no more than that.
  redis.pcall('PUBLISH', channel, s .. ' ' .. organization)
  -- Nor must one who may not write the stream lose the change.
  redis.pcall('XADD', KEYS[3], 'MAXLEN', '~', CAP, '*', 'type', 'policy_changed', 'action', action,
    'organization', organization, 'sequence', s, 'id', ARGV[4], 'actor', 'admin', 'caller', ARGV[5])
  return {s, now[1], now[2]}
end

