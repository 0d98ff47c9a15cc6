-- default.lua replaces the limits of the instance default.
--
-- KEYS[1..3], ARGV[1..5] -> see change.lua
-- ARGV[6] -> max password attempts
-- ARGV[7] -> max OTP attempts
--
-- Returns the answer of the change, or -1 if the default has these limits.
--
-- Invariant: the first call stores a default whatever its limits are, because
-- the one of the configuration is not stored. created stays from then on.

local before = answered()
if before then return before end
local limits = redis.call('HMGET', policy, 'sequence', 'password', 'otp')
if limits[1] and limits[2] == ARGV[6] and limits[3] == ARGV[7] then return -1 end

local answer = change('update')
local at = now[1] .. ' ' .. now[2]
redis.call('HSETNX', policy, 'created', at)
redis.call('HSET', policy, 'sequence', answer[1], 'password', ARGV[6], 'otp', ARGV[7], 'changed', at)
return answer
