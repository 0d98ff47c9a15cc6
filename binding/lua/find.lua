-- find tells whom a key stands for, and lets it live on: the service may keep a
-- session that is used, and a key that was forgotten before it could be given to
-- somebody else.
--
-- KEYS[1] -> hash of the key, see add.lua
--
-- Returns its fields, none for a key that is unknown.
--
-- Invariant: changes nothing but the end of the key's life.
local raw = redis.call('HGETALL', KEYS[1])
local life
for i = 1, #raw, 2 do
  if raw[i] == '!' then return {'!'} end
  if raw[i] == '.' then life = raw[i + 1] end
end
if life then redis.call('PEXPIRE', KEYS[1], life) end
local fields = {}
for i = 1, #raw, 2 do
  if raw[i] == '.' then fields[#fields + 1] = '.' .. raw[i + 1] else fields[#fields + 1] = raw[i] end
end
return fields
