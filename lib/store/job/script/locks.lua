-- SPDX-License-Identifier: BSD-3-Clause
--
-- Locks (lib/store/redis/lock.h): those that running jobs hold, and the steps for those that no job holds.

-- The token of the lock's current holder, or nil.
local function lock_holder(name, now)
  local token, deadline = unpack(call('HMGET', 'lock:' .. name, 'token', 'deadline'))
  return token and token ~= '' and tonumber(deadline) > now and token or nil
end

local function set_lock(name, token, fence, deadline)
  call('HSET', 'lock:' .. name, 'token', token, 'fence', fence, 'deadline', deadline)
end

local function has_lock(name, token, fence)
  local holder, number = unpack(call('HMGET', 'lock:' .. name, 'token', 'fence'))
  return holder == token and number == fence
end

local function free_lock(name, token, fence)
  if has_lock(name, token, fence) then call('HSET', 'lock:' .. name, 'token', '', 'released', token) end
end

-- name, token, hold → fence, or a negative number: minus the milliseconds until it expires
function steps.lock_take()
  local name, token, now = ARGV[2], ARGV[3], now_ms()
  local holder = lock_holder(name, now)
  if holder == token then return tonumber(call('HGET', 'lock:' .. name, 'fence')) end
  if holder then return now - call('HGET', 'lock:' .. name, 'deadline') end
  local fence = call('INCR', 'fence')
  set_lock(name, token, fence, now + ARGV[4])
  return fence
end

-- name, token, needed, hold → how long it holds: renewed only if that would be less than needed, else nothing is written
function steps.lock_keep()
  local name, token, now = ARGV[2], ARGV[3], now_ms()
  if lock_holder(name, now) ~= token then return refuse('STALE', 'The lock ' .. name .. ' has expired.') end
  local left = call('HGET', 'lock:' .. name, 'deadline') - now
  if left >= tonumber(ARGV[4]) then return left end
  call('HSET', 'lock:' .. name, 'deadline', now + ARGV[5])
  return tonumber(ARGV[5])
end

-- name, token
function steps.lock_release()
  local name, token = ARGV[2], ARGV[3]
  if call('HGET', 'lock:' .. name, 'released') == token then return 1 end
  if lock_holder(name, now_ms()) ~= token then return refuse('STALE', 'The lock ' .. name .. ' has expired.') end
  call('HSET', 'lock:' .. name, 'token', '', 'released', token)
  return 1
end
