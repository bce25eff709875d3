-- SPDX-License-Identifier: BSD-3-Clause
--
-- Pending jobs: which can be claimed, and which wait for the end of others (lib/store/job/job_waiting.h).

local function lane_head(lane)
  return call('LINDEX', 'lane:' .. lane, 0)
end

-- The set that has the job while it can be claimed. Matrix jobs are grouped by compiler and priority, since a worker has only
-- some compilers: ten thousand jobs for other ones cost nothing.
local function ready_set(job)
  if job.kind ~= 'matrix' then return 'ready:' .. job.kind end
  return 'ready:matrix:' .. job.compiler .. ':' .. job.priority
end

-- Counts a compiler's jobs (lib/store/redis/matrix_store.h).
local function count_build(job, what, by)
  if job.kind == 'matrix' then call('HINCRBY', 'matrix:' .. job.compiler, what, by) end
end

-- Makes the pending job ready, or ready after its delay, unless it is not the first of its lane or waits for other jobs.
local function make_ready(id)
  local job = read_job(id, 'kind', 'compiler', 'priority', 'lane', 'place', 'notBefore', 'waitsFor')
  if job.waitsFor or job.lane and lane_head(job.lane) ~= id then return end
  if job.notBefore then
    call('ZADD', 'delayed', job.notBefore, id)
  else
    call('ZADD', ready_set(job), job.place, id)
  end
end

local function enter_pending(id, job)
  call('ZADD', 'pending:' .. job.kind, job.place, id)
  count_build(job, 'pending', 1)
  if job.address then call('HINCRBY', 'pending:address', job.address, 1) end
  make_ready(id)
end

local function leave_pending(id, job)
  call('ZREM', 'pending:' .. job.kind, id)
  call('ZREM', ready_set(job), id)
  count_build(job, 'pending', -1)
  if job.address and call('HINCRBY', 'pending:address', job.address, -1) <= 0 then
    call('HDEL', 'pending:address', job.address)
  end
end

local EARLIER_MAX = 256 -- limit of the jobs of one package that are examined

-- The ids in a space-separated text, without one of them.
local function ids_without(ids, left_out)
  local kept = {}
  for id in (ids or ''):gmatch('%S+') do
    if id ~= left_out then kept[#kept + 1] = id end
  end
  return kept
end

-- The job, which is about to be pending, waits for those of `awaited` that were accepted before it (so there are no cycles) and
-- are unfinished. If one of them has failed meanwhile, it does not wait.
local function begin_waiting(id, job, awaited)
  local unfinished, has_failed = {}, false
  for _, other in ipairs(awaited) do
    local found = read_job(other, 'state', 'place')
    if found.state == 'failed' then
      has_failed = true
    elseif found.state and found.state ~= 'succeeded' and tonumber(found.place) < tonumber(job.place) then
      unfinished[#unfinished + 1] = other
    end
  end
  if has_failed or #unfinished == 0 then return end
  for _, other in ipairs(unfinished) do call('SADD', 'waiters:' .. other, id) end
  call('HSET', 'job:' .. id, 'waitsFor', table.concat(unfinished, ' '))
end

-- The job `ended` has ended: jobs that wait for it become ready if it has failed, or was the last that they waited for.
local function wake_waiters(ended, success)
  for _, id in ipairs(call('SMEMBERS', 'waiters:' .. ended)) do
    local others = ids_without(read_job(id, 'waitsFor').waitsFor, ended)
    if success and #others > 0 then
      call('HSET', 'job:' .. id, 'waitsFor', table.concat(others, ' '))
    else
      for _, other in ipairs(others) do call('SREM', 'waiters:' .. other, id) end
      call('HDEL', 'job:' .. id, 'waitsFor')
      make_ready(id)
    end
    announce_state(id)
  end
  call('UNLINK', 'waiters:' .. ended)
end
