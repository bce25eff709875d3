#!lua flags=allow-oom
-- SPDX-License-Identifier: BSD-3-Clause
--
-- Changes to the build matrix's data besides its jobs (matrix_store.h) that need more than one command. As in jobs/, ARGV[1]
-- names the step, which happens whole and may be repeated after a lost reply. Only jobs/ changes jobs, verdicts and counts.
--
-- Keys:
--   worker:ID            hash: the fields of `struct worker_entry`; expires when the worker is not heard from for long enough
--   workers              set of their ids, and of some that have expired
--   sweep                hash token, begun: the caller that began the last sweep, and when
--   compilers            text: the supported compilers, separated by spaces
--   matrix:COMPILER, events   only read: see jobs/begin.lua
--   wave:COMPILER        text: "begun", or, until it expires, the token of the caller that will begin it

local call = redis.call

local function now_ms()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local steps = {}

-- id, how long it is kept, then names and values of fields
function steps.add_worker()
  local id, key, now = ARGV[2], 'worker:' .. ARGV[2], now_ms()
  call('DEL', key)
  call('HSET', key, 'hello', now, 'seen', now, unpack(ARGV, 4))
  call('PEXPIRE', key, ARGV[3])
  call('SADD', 'workers', id)
  return 1
end

-- id, how long it is kept, busy slots or -1, metrics → whether the worker is known
function steps.see_worker()
  local key, keep_ms, busy_slots, metrics = 'worker:' .. ARGV[2], ARGV[3], ARGV[4], ARGV[5]
  if call('EXISTS', key) == 0 then return 0 end
  call('HSET', key, 'seen', now_ms())
  if tonumber(busy_slots) >= 0 then call('HSET', key, 'busySlots', busy_slots) end
  if metrics ~= '' then call('HSET', key, 'metrics', metrics) end
  call('PEXPIRE', key, keep_ms)
  return 1
end

-- id, how long it is kept, busy slots: the worker takes no more work, and is removed when it has no busy slots
function steps.leave_worker()
  local key, keep_ms, busy_slots = 'worker:' .. ARGV[2], ARGV[3], tonumber(ARGV[4])
  if busy_slots <= 0 then
    call('DEL', key)
    call('SREM', 'workers', ARGV[2])
  elseif call('EXISTS', key) == 1 then
    call('HSET', key, 'seen', now_ms(), 'slots', 0, 'busySlots', busy_slots)
    call('PEXPIRE', key, keep_ms)
  end
  return 1
end

-- → id and fields of each worker, sorted by id
function steps.list_workers()
  local ids, workers = call('SMEMBERS', 'workers'), {}
  table.sort(ids)
  for _, id in ipairs(ids) do
    local fields = call('HGETALL', 'worker:' .. id)
    if #fields > 0 then
      workers[#workers + 1] = {id, fields}
    else
      call('SREM', 'workers', id)
    end
  end
  return workers
end

-- token, interval → whether the sweep is the caller's
function steps.claim_sweep()
  local token, interval_ms, now = ARGV[2], tonumber(ARGV[3]), now_ms()
  local holder, begun = unpack(call('HMGET', 'sweep', 'token', 'begun'))
  if holder == token then return 1 end
  if begun and now - begun < interval_ms then return 0 end
  call('HSET', 'sweep', 'token', token, 'begun', now)
  return 1
end

-- True if there are events that the group has not read, or not acknowledged.
local function has_events(group)
  if call('EXISTS', 'events') == 0 then return false end
  local last, is_known = call('XREVRANGE', 'events', '+', '-', 'COUNT', 1)[1], false
  for _, fields in ipairs(call('XINFO', 'GROUPS', 'events')) do
    local found = {}
    for i = 1, #fields, 2 do found[fields[i]] = fields[i + 1] end
    if found.name == group then
      if found.pending > 0 then return true end
      is_known = not last or found['last-delivered-id'] == last[1]
    end
  end
  return last and not is_known
end

-- compiler, group → the fields of matrix:COMPILER, and whether there are events for which the group must plan: read together,
-- since a job's end and its event are written together, and an event is acknowledged when the jobs that it causes exist
function steps.progress()
  return {call('HGETALL', 'matrix:' .. ARGV[2]), has_events(ARGV[3]) and 1 or 0}
end

return steps[ARGV[1]]()
