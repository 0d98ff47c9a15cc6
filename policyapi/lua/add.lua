-- add.lua gives an organization a policy.
--
-- KEYS[1..3], ARGV[1..5] -> see change.lua
-- ARGV[6] -> max password attempts
-- ARGV[7] -> max OTP attempts
--
-- Returns the answer of the change, or 0 if the organization has a policy.
--
-- Invariant: of parallel calls one changes something. A policy has no TTL.

local before = answered()
if before then return before end
if redis.call('HEXISTS', policy, 'sequence') == 1 then return 0 end

local answer = change('add')
local at = now[1] .. ' ' .. now[2]
redis.call('HSET', policy, 'sequence', answer[1], 'password', ARGV[6], 'otp', ARGV[7], 'created', at, 'changed', at)
redis.call('PERSIST', policy)
return answer
