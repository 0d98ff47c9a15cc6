-- default.lua replaces the limits of the instance default.
--
-- KEYS[1], KEYS[2], ARGV[1..3] -> see change.lua
-- ARGV[4] -> max password attempts
-- ARGV[5] -> max OTP attempts
--
-- Returns the answer of the change, or -1 if the default has these limits.
--
-- Invariant: the first call stores a default whatever its limits are, because
-- the one of the configuration is not stored. created stays from then on.

local before = answered()
if before then return before end
local limits = redis.call('HMGET', policy, 'sequence', 'password', 'otp')
if limits[1] and limits[2] == ARGV[4] and limits[3] == ARGV[5] then return -1 end

local answer = change()
local at = now[1] .. ' ' .. now[2]
redis.call('HSETNX', policy, 'created', at)
redis.call('HSET', policy, 'sequence', answer[1], 'password', ARGV[4], 'otp', ARGV[5], 'changed', at)
return answer
