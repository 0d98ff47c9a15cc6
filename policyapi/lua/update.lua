-- update.lua replaces the limits of an organization's policy.
--
-- KEYS[1], KEYS[2], ARGV[1..3] -> see change.lua
-- ARGV[4] -> max password attempts
-- ARGV[5] -> max OTP attempts
--
-- Returns the answer of the change, 0 if the organization has no policy, or -1
-- if its policy has these limits.
--
-- Invariant: created stays. Limits are compared as text, which is exact.

local before = answered()
if before then return before end
if redis.call('HEXISTS', policy, 'sequence') == 0 then return 0 end
local limits = redis.call('HMGET', policy, 'password', 'otp')
if limits[1] == ARGV[4] and limits[2] == ARGV[5] then return -1 end

local answer = change()
redis.call('HSET', policy, 'sequence', answer[1], 'password', ARGV[4], 'otp', ARGV[5], 'changed', now[1] .. ' ' .. now[2])
return answer
