-- update.lua replaces the limits of an organization's policy.
--
-- KEYS[1..3], ARGV[1..5] -> see change.lua
-- ARGV[6] -> max password attempts
-- ARGV[7] -> max OTP attempts
--
-- Returns the answer of the change, 0 if the organization has no policy, or -1
-- if its policy has these limits.
--
-- Invariant: created stays. Limits are compared as text, which is exact.

local before = answered()
if before then return before end
if redis.call('HEXISTS', policy, 'sequence') == 0 then return 0 end
local limits = redis.call('HMGET', policy, 'password', 'otp')
if limits[1] == ARGV[6] and limits[2] == ARGV[7] then return -1 end

local answer = change('update')
redis.call('HSET', policy, 'sequence', answer[1], 'password', ARGV[6], 'otp', ARGV[7], 'changed', now[1] .. ' ' .. now[2])
return answer
