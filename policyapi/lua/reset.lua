-- reset.lua takes an organization's policy away, so that the default applies.
--
-- KEYS[1..3], ARGV[1..5] -> see change.lua
--
-- Returns the answer of the change, or 0 if the organization has no policy.
--
-- Invariant: what remains is no policy, only the recent calls for a retry to
-- find, and it expires.

local before = answered()
if before then return before end
if redis.call('HEXISTS', policy, 'sequence') == 0 then return 0 end

local answer = change('reset')
redis.call('HDEL', policy, 'sequence', 'password', 'otp', 'created', 'changed')
redis.call('EXPIRE', policy, REMEMBER)
return answer
