-- add notes whom a key stands for.
--
-- KEYS[1] -> hash of the key: a field for each subject, "." holds the life in ms;
--            "!" says that the key has stood for too many
-- ARGV[1] -> life in ms
-- ARGV[2] -> most subjects
-- ARGV[3] -> 1: only if the key stands for somebody already
-- then the members of the subjects
--
-- Returns 1, or 0 when the key stands for too many: it leads to nobody then.
--
-- Invariant: while the key lives, no subject of it is forgotten, and its life
-- never gets shorter.
local raw = redis.call('HGETALL', KEYS[1])
local known, n = {}, 0
for i = 1, #raw, 2 do
  known[raw[i]] = raw[i + 1]
  if raw[i] ~= '.' then n = n + 1 end
end
-- What is refused is not sent on, so the service gets no newer session by it:
-- the life of the refusal does not start anew.
if known['!'] then return 0 end
if ARGV[3] == '1' and n == 0 then return 1 end
for i = 4, #ARGV do
  if not known[ARGV[i]] then
    known[ARGV[i]] = ''
    n = n + 1
    redis.call('HSET', KEYS[1], ARGV[i], '')
  end
end
local life = math.max(tonumber(ARGV[1]), tonumber(known['.'] or 0))
local crowded = n > tonumber(ARGV[2])
if crowded then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], '!', '')
end
redis.call('HSET', KEYS[1], '.', string.format('%.0f', life))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', life))
return crowded and 0 or 1
