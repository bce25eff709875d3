-- SPDX-License-Identifier: BSD-3-Clause
--
-- A pending job starts to run: for a service's runner, or for a build worker.

-- Returns the reason why the job cannot be claimed (or nil), and true if that is a lock, whose release is not announced, so
-- that callers must poll.
local function obstacle(id, job, now)
  if job.state ~= 'pending' then return 'The job is ' .. job.state .. '.' end
  if job.lane and lane_head(job.lane) ~= id then return 'An earlier job of ' .. job.lane .. ' comes first.' end
  if tonumber(job.notBefore or 0) > now then return 'The job waits for its retry.' end
  if job.waitsFor then return 'The job waits for the end of the job ' .. job.waitsFor .. '.' end
  if job.lane and lock_holder(job.lane, now) then return 'The lock of ' .. job.lane .. ' is held.', true end
end

-- Somebody waits for the job's end: it changes one package, or builds for such a change (job_store_count_urgent()).
local function is_urgent(job)
  if job.kind == 'matrix' then return tonumber(job.priority) == 0 end
  return KIND[job.kind].lane == 'package'
end

local function enter_running(id, job, deadline)
  call('ZADD', 'running:' .. job.kind, job.place, id)
  if is_urgent(job) then call('ZADD', 'urgent', job.place, id) end
  count_build(job, 'running', 1)
  call('ZADD', 'leases', deadline, id)
end

local function leave_running(id, job)
  call('ZREM', 'leases', id)
  call('ZREM', 'urgent', id)
  call('ZREM', 'running:' .. job.kind, id)
  count_build(job, 'running', -1)
end

local function read_for_claim(id)
  return read_job(id, 'state', 'kind', 'compiler', 'priority', 'lane', 'place', 'notBefore', 'address', 'createdAt', 'claim', 'fence',
    'waitsFor', unpack(LOG_FIELDS))
end

local function claimed(id, fence)
  return {id, fence, call('HGETALL', 'job:' .. id)}
end

local function claim(id, job, runner, lease_ms, token, now)
  local fence, deadline = call('INCR', 'fence'), now + lease_ms
  leave_pending(id, job)
  if job.notBefore then
    call('ZREM', 'delayed', id)
    call('HDEL', 'job:' .. id, 'notBefore')
  end
  call('HSET', 'job:' .. id, 'state', 'running', 'startedAt', math.max(now, job.createdAt), 'fence', fence, 'runner', runner,
    'claim', token)
  call('HINCRBY', 'job:' .. id, 'attempts', 1)
  enter_running(id, job, deadline)
  if job.lane then set_lock(job.lane, id, fence, deadline) end
  announce_state(id)
  return claimed(id, fence)
end

-- id, runner, lease, token → id, fence, the job's fields
function steps.claim()
  local id, runner, lease_ms, token, now = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], now_ms()
  local job = read_for_claim(id)
  if not job.state then return refuse('NOTFOUND', 'There is no job ' .. id .. '.') end
  if job.state == 'running' and job.claim == token then return claimed(id, tonumber(job.fence)) end
  local why_not = obstacle(id, job, now)
  if why_not then return refuse('HELD', why_not) end
  redis_up_since(now)
  return claim(id, job, runner, lease_ms, token, now)
end

local function end_delays(now)
  for _, id in ipairs(call('ZRANGE', 'delayed', '-inf', now, 'BYSCORE', 'LIMIT', 0, 50)) do
    local job = read_job(id, 'kind', 'compiler', 'priority', 'place')
    call('ZREM', 'delayed', id)
    call('HDEL', 'job:' .. id, 'notBefore')
    call('ZADD', ready_set(job), job.place, id)
  end
end

-- Goes through the ready jobs of all `kinds` by place: calls `visit` with each id until it returns a value.
local function each_ready(kinds, visit)
  local at, heads = {}, {}
  while true do
    local first
    for _, kind in ipairs(kinds) do
      at[kind] = at[kind] or 0
      heads[kind] = heads[kind] or call('ZRANGE', 'ready:' .. kind, at[kind], at[kind], 'WITHSCORES')
      local place = tonumber(heads[kind][2])
      if place and (not first or place < tonumber(heads[first][2])) then first = kind end
    end
    if not first then return end
    local answer = visit(heads[first][1])
    if answer then return answer end
    at[first], heads[first] = at[first] + 1, nil
  end
end

-- runner, lease, token, kinds… → as claim
function steps.claim_next()
  local runner, lease_ms, token, now = ARGV[2], tonumber(ARGV[3]), ARGV[4], now_ms()
  local before = call('GET', 'claim:' .. token)
  if before then
    local job = read_for_claim(before)
    if job.state == 'running' and job.claim == token then return claimed(before, tonumber(job.fence)) end
  end
  end_delays(now)
  redis_up_since(now)
  local held
  local answer = each_ready({unpack(ARGV, 5)}, function(id)
    local job = read_for_claim(id)
    local why_not, is_lock = obstacle(id, job, now)
    if is_lock then held = why_not end
    if why_not then return end
    call('SET', 'claim:' .. token, id, 'PX', lease_ms)
    return claim(id, job, runner, lease_ms, token, now)
  end)
  return answer or held and refuse('HELD', held) or refuse('NOTFOUND', 'No job can run now.')
end

-- limit, number of priorities, compilers… → id and fields of each
function steps.list_ready()
  local limit, priorities, jobs = tonumber(ARGV[2]), tonumber(ARGV[3]), {}
  end_delays(now_ms())
  for priority = 0, priorities - 1 do
    local found = {}
    for i = 4, #ARGV do
      local set = ready_set({kind = 'matrix', compiler = ARGV[i], priority = priority})
      local ready = call('ZRANGE', set, 0, limit - #jobs - 1, 'WITHSCORES')
      for n = 1, #ready, 2 do found[#found + 1] = {id = ready[n], place = tonumber(ready[n + 1])} end
    end
    table.sort(found, function(a, b) return a.place < b.place end)
    for n = 1, math.min(#found, limit - #jobs) do
      jobs[#jobs + 1] = {found[n].id, call('HGETALL', 'job:' .. found[n].id)}
    end
    if #jobs == limit then break end
  end
  return jobs
end

-- runner, lease, token, line for the log, ids… → as claim, for each that could be claimed
function steps.claim_some()
  local runner, lease_ms, token, line, now, answer = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], now_ms(), {}
  redis_up_since(now)
  for i = 6, #ARGV do
    local id = ARGV[i]
    local job = read_for_claim(id)
    if job.state == 'running' and job.claim == token then
      answer[#answer + 1] = claimed(id, tonumber(job.fence))
    elseif job.kind == 'matrix' and not obstacle(id, job, now) then
      answer[#answer + 1] = claim(id, job, runner, lease_ms, token, now)
      if line ~= '' then add_line(id, job, now, line) end
    end
  end
  return answer
end
