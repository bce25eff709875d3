#!lua flags=allow-oom
-- SPDX-License-Identifier: BSD-3-Clause
--
-- Every change to a job, as one step each (jobs.md). Redis runs a script whole, alone, and writes what it did to disk as one
-- transaction. ARGV[1] names the step; an empty argument means "none". Each step checks first and writes then, and may be
-- repeated after a lost reply. allow-oom: running jobs can end when the memory is used up; step `accept` looks by itself.
--
-- Keys:
--   job:ID               hash: the fields of `struct job`, and below "lane", "place", "fence", "notBefore", "handedBack",
--                        "replayByKey", "priority", "waitsFor", "log…"
--   job:ID:log           stream: see log_stream.c; its last entry, field "end", stands for the job's end and wakes its readers
--   jobs, jobs:unfinished, jobs:failed, jobs:kind:K, jobs:package:P, jobs:actor:A     sorted sets of ids by place, for lists
--   pending:K, running:K sorted sets by place: the jobs of a kind that are pending or running
--   ready:K              the part of pending:K that can be claimed; matrix jobs: ready:matrix:COMPILER:PRIORITY
--   delayed              sorted set by time: pending jobs that wait to be tried again
--   waiters:ID           set: the pending jobs that wait for the end of the job ID; each has it in its field "waitsFor"
--   lane:L               list: the unfinished jobs of a package (or of the package sets) as they were accepted. Only its head
--                        is ever ready or running, so "one at a time, in order" needs no search
--   lock:NAME            hash token, fence, deadline: lock.h; the job that runs in a lane holds the lock of that name, and while
--                        somebody else does, the lane's head stays ready and is not claimed
--   leases               sorted set by deadline: the running jobs
--   claim:TOKEN          the job that a claim got, for its repetition
--   fence, place         counters that only grow
--   duplicate:KEY, replay:KEY, unpublished:PACKAGE, transferred  what Duplicates and Replays need; these outlive the jobs that they name,
--                        and so does the next
--   verdicts:PACKAGE@VERSION   hash: COMPILER → "VERDICT JOB TIME PLAN", the last one; COMPILER " succeeded" → the job;
--                        COMPILER " " PLAN → the job whose verdict on that plan (its hash) stands
--   matrix:COMPILER      hash of counts: pending, running, ended:VERDICT, endedSinceFirst; and times: first, last
--   pending:address      hash: pending jobs per client address
--   finished:K           sorted set by time: the finished jobs of a kind that move to storage one day (job_keeping.h)
--   logs:finished        sorted set by time: those of them whose logs are still here, to go when memory is short
--   events               stream: what follows finished jobs
--   heads                hash: the last commit of a job in each repository, by its name; count of such commits; at: when
--   redis                hash run, since: the current run of Redis, and when it was first seen
--
-- Longer than a file should be, since Redis runs one text at a time and a script cannot call another. (What the build matrix
-- keeps beside its jobs has a script of its own: matrix.lua.)
--
-- A place is createdAt * 1024 and a count within the millisecond: one number for the order of acceptance and for times.

local call = redis.call
local KINDS = {'publish', 'unpublish', 'transfer', 'packageset', 'matrix', 'revision'}
-- A revision builds for long, and takes its package's lock by itself (lock.h) for the short time of its commit.
local IN_PACKAGE_ORDER = {publish = true, unpublish = true, transfer = true}
-- Matrix jobs for these purposes are about something else than a version as it was published: they are never duplicates and
-- leave no verdict.
local TRIALS = {revision = true, verify = true}
local MATRIX_PRIORITIES = 3 -- as in lib/domain/job.h: 0 comes first
local PLACES_PER_MS = 1024
local ATTEMPTS_MAX = 3
local BACKOFF_MAX_MS = 600000
-- Parts of maxmemory: above the first, finished jobs move to storage before their time; where that does not help (there may be
-- no storage), the oldest logs go; at last no new jobs are taken.
local MEMORY_FOR_FINISHED_JOBS, MEMORY_FOR_LOGS, MEMORY_FOR_NEW_JOBS = 0.7, 0.8, 0.9
local LOGS_REMOVED_MAX = 100 -- by one step

local function now_ms()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- `code` is one of those in job_steps.c.
local function refuse(code, sentence)
  return redis.error_reply(code .. ' ' .. sentence)
end

-- The named fields of a job; what it does not have is nil.
local function read_job(id, ...)
  local names, job = {...}, {}
  for i, value in ipairs(call('HMGET', 'job:' .. id, ...)) do job[names[i]] = value or nil end
  return job
end

local function memory_used()
  local info = call('INFO', 'memory')
  local limit = tonumber(info:match('maxmemory:(%d+)'))
  return limit > 0 and tonumber(info:match('used_memory:(%d+)')) / limit or 0
end

-- When this run of Redis was first seen here: its start, or a little later.
local function redis_up_since(now)
  local run = call('INFO', 'server'):match('run_id:(%x+)')
  local known, since = unpack(call('HMGET', 'redis', 'run', 'since'))
  if known == run then return tonumber(since) end
  call('HSET', 'redis', 'run', run, 'since', now)
  return now
end

---- Locks

-- Who holds the lock now, or nil.
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

---- Log

-- Times grow by at least a millisecond from line to line; a burst runs ahead of the clock.
local function add_line(id, job, time, text)
  time = math.max(time, (tonumber(job.logTime) or 0) + 1)
  call('XADD', 'job:' .. id .. ':log', string.format('%.0f-0', time), 'line', text)
  call('HSET', 'job:' .. id, 'logTime', time)
  job.logTime = time
end

---- Pending

local function lane_head(lane)
  return call('LINDEX', 'lane:' .. lane, 0)
end

-- Where the job is while it can be claimed. Matrix jobs are found by compiler and priority, since a worker has only some
-- compilers: ten thousand that wait for others cost nothing.
local function ready_set(job)
  if job.kind ~= 'matrix' then return 'ready:' .. job.kind end
  return 'ready:matrix:' .. job.compiler .. ':' .. job.priority
end

-- How far a compiler is (matrix_store.h).
local function count_build(job, what, by)
  if job.kind == 'matrix' then call('HINCRBY', 'matrix:' .. job.compiler, what, by) end
end

-- Lets the pending job be claimed, if it is its turn.
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

---- Waiting for other jobs (job_waiting.h)

local EARLIER_MAX, FAILED_MAX = 256, 8 -- jobs of one package that are looked at

-- The ids in a text in which they stand by blanks, less one.
local function ids_without(ids, left_out)
  local kept = {}
  for id in (ids or ''):gmatch('%S+') do
    if id ~= left_out then kept[#kept + 1] = id end
  end
  return kept
end

-- The job, which is about to be pending, waits for those of `awaited` that were accepted before it (so there are no cycles) and
-- are unfinished. Where one of them has failed meanwhile, it does not wait.
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

-- The job `ended` has ended: those that wait for it go on if it has failed, or was the last that they waited for.
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
  end
  call('UNLINK', 'waiters:' .. ended)
end

---- Accepting

-- Does the job that has the same duplicate key stand for the new request? (One that failed, or may be run again, has given its
-- key back at its end. One that is no longer here succeeded. Both are about the same package and version.)
local function stands_for_repeat(id, request)
  local state = call('HGET', 'job:' .. id, 'state') or 'succeeded'
  local is_unpublished = request.kind == 'publish' and state == 'succeeded' and request.version
    and call('HEXISTS', 'unpublished:' .. request.package, request.version) == 1
  return not is_unpublished
end

-- The matrix job that has already found what this one would, or nil: a success with whatever plan, or what was found with this
-- plan, where that stands (lib/domain/verdict.h).
local function known_verdict(job)
  local key, plan = 'verdicts:' .. job.package .. '@' .. job.version, job.compiler .. ' ' .. redis.sha1hex(job.payload)
  local succeeded, found, last = unpack(call('HMGET', key, job.compiler .. ' succeeded', plan, job.compiler))
  if found and last and last:find('^dependency_missing ') then found = nil end -- kept by earlier releases: it stood then
  return succeeded or found or nil
end

local function same_request(job, again)
  local id = job.replay and not job.retryOf and call('GET', 'replay:' .. job.replay) -- of a retry refuse_retry() says so
  if id then return id end
  id = job.duplicate and call('GET', 'duplicate:' .. job.duplicate)
  if id and stands_for_repeat(id, job) then return id end
  return job.kind == 'matrix' and not TRIALS[job.purpose] and not again and known_verdict(job)
end

-- The last transfer of the package that succeeded, where that is another than `id`, which has done exactly what is asked for now.
local function superseded_by(id, request)
  local last = request.kind == 'transfer' and call('HGET', 'transferred', request.package)
  return last and last ~= id and last or ''
end

-- The matrix job waits already, for something that may wait longer than what is asked for now.
local function raise_priority(id, request)
  local job = read_job(id, 'state', 'kind', 'compiler', 'priority', 'place')
  if job.state ~= 'pending' or tonumber(job.priority) <= tonumber(request.priority) then return end
  local is_ready = call('ZREM', ready_set(job), id) == 1
  job.priority = request.priority
  call('HSET', 'job:' .. id, 'priority', job.priority, 'purpose', request.purpose)
  if is_ready then call('ZADD', ready_set(job), job.place, id) end
end

-- Why there is no room for another job, as a refusal, or nil.
local function no_room(job, limit, address_limit)
  local pending = 0
  for _, kind in ipairs(KINDS) do pending = pending + call('ZCARD', 'pending:' .. kind) end
  if limit and pending >= limit then
    return refuse('UNAVAILABLE', 'There are ' .. pending .. ' jobs waiting already; please try again later')
  end
  local mine = tonumber(job.address and call('HGET', 'pending:address', job.address)) or 0
  if address_limit and mine >= address_limit then
    return refuse('TOOMANY', 'There are ' .. mine .. ' jobs from your address waiting already; please try again when some are done')
  end
  if memory_used() >= MEMORY_FOR_NEW_JOBS then
    return refuse('UNAVAILABLE', 'The memory for jobs is nearly used up; please try again later')
  end
end

local function lane_of(job)
  if IN_PACKAGE_ORDER[job.kind] then return 'package:' .. job.package end
  if job.kind == 'packageset' then return 'package-set' end
end

local function next_place(now)
  local place = math.max((tonumber(call('GET', 'place')) or 0) + 1, now * PLACES_PER_MS)
  call('SET', 'place', string.format('%.0f', place))
  return place
end

local function list_under_actor(id, job)
  if job.actor and job.actor ~= 'anonymous' then call('ZADD', 'jobs:actor:' .. job.actor, job.place, id) end
end

-- A compiler's estimate begins anew with the first job after there were none.
local function note_first_build(job)
  local pending, running = unpack(call('HMGET', 'matrix:' .. job.compiler, 'pending', 'running'))
  if (tonumber(pending) or 0) + (tonumber(running) or 0) == 0 then
    call('HSET', 'matrix:' .. job.compiler, 'first', job.createdAt, 'endedSinceFirst', 0)
  end
end

local function create_job(id, job)
  local fields = {}
  for name, value in pairs(job) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  call('HSET', 'job:' .. id, unpack(fields))
  call('ZADD', 'jobs', job.place, id)
  call('ZADD', 'jobs:unfinished', job.place, id)
  call('ZADD', 'jobs:kind:' .. job.kind, job.place, id)
  if job.package then call('ZADD', 'jobs:package:' .. job.package, job.place, id) end
  list_under_actor(id, job)
  if job.duplicate then call('SET', 'duplicate:' .. job.duplicate, id) end
  if job.lane then call('RPUSH', 'lane:' .. job.lane, id) end
  if job.kind == 'matrix' then note_first_build(job) end
  enter_pending(id, job)
end

-- What was asked for before must not be done after something else was: a job of these kinds on the package that was accepted
-- later than `created`, and has not failed.
local function later_change(package, created)
  local after = string.format('(%.0f', created * PLACES_PER_MS + PLACES_PER_MS - 1)
  for _, id in ipairs(call('ZRANGE', 'jobs:package:' .. package, after, '+inf', 'BYSCORE')) do
    local job = read_job(id, 'kind', 'state')
    if job.state ~= 'failed' and (job.kind == 'unpublish' or job.kind == 'transfer' or job.kind == 'revision') then
      return id
    end
  end
end

local function refuse_retry(job)
  local later = job.package and later_change(job.package, tonumber(job.retryOfCreatedAt))
  if later then
    return refuse('REFUSED', 'The job ' .. later .. ' has changed ' .. job.package .. ' since, or may yet, so what was asked for before cannot be tried again')
  end
end

local steps = {}

-- id, limit, limit per address, again, then names and values of fields → id, whether it was created; of a job that was there
-- also its state, and what has superseded it
function steps.accept()
  local id, limit, address_limit, again = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
  if call('EXISTS', 'job:' .. id) == 1 then return {id, 1} end
  local job = {}
  for i = 6, #ARGV, 2 do
    if ARGV[i + 1] ~= '' then job[ARGV[i]] = ARGV[i + 1] end
  end
  if job.kind == 'matrix' and not TRIALS[job.purpose] then
    job.duplicate = 'build:' .. job.package .. '@' .. job.version .. ':' .. job.compiler
  end
  local existing = same_request(job, again)
  if existing then
    if job.kind == 'matrix' then raise_priority(existing, job) end
    local state = call('HGET', 'job:' .. existing, 'state') or 'succeeded'
    return {existing, 0, state, state == 'succeeded' and superseded_by(existing, job) or ''}
  end
  local refusal = no_room(job, limit, address_limit) or job.retryOf and refuse_retry(job)
  if refusal then return refusal end
  job.retryOfCreatedAt = nil
  job.state, job.attempts, job.lane, job.place = 'pending', 0, lane_of(job), next_place(now_ms())
  job.createdAt = math.floor(job.place / PLACES_PER_MS)
  create_job(id, job)
  return {id, 1}
end

---- Claiming

-- Why the job cannot be claimed now, or nil; and whether it is that somebody holds its lock, of whose release nobody is told.
local function obstacle(id, job, now)
  if job.state ~= 'pending' then return 'The job is ' .. job.state end
  if job.lane and lane_head(job.lane) ~= id then return 'An earlier job of ' .. job.lane .. ' comes first' end
  if tonumber(job.notBefore or 0) > now then return 'The job waits to be tried again' end
  if job.waitsFor then return 'The job waits for the end of ' .. job.waitsFor end
  if job.lane and lock_holder(job.lane, now) then return 'The lock of ' .. job.lane .. ' is held', true end
end

local function read_for_claim(id)
  return read_job(id, 'state', 'kind', 'compiler', 'priority', 'lane', 'place', 'notBefore', 'address', 'createdAt', 'claim', 'fence',
    'logTime', 'waitsFor')
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
  call('ZADD', 'running:' .. job.kind, job.place, id)
  count_build(job, 'running', 1)
  call('ZADD', 'leases', deadline, id)
  if job.lane then set_lock(job.lane, id, fence, deadline) end
  return claimed(id, fence)
end

-- id, runner, lease, token → id, fence, the job's fields
function steps.claim()
  local id, runner, lease_ms, token, now = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], now_ms()
  local job = read_for_claim(id)
  if not job.state then return refuse('NOTFOUND', 'There is no job ' .. id) end
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

-- Goes through the ready jobs of all `kinds` by place: calls `visit` with each id until it answers something.
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
  return answer or held and refuse('HELD', held) or refuse('NOTFOUND', 'No job can run now')
end

-- limit, compilers… → id and fields of each
function steps.list_ready()
  local limit, jobs = tonumber(ARGV[2]), {}
  end_delays(now_ms())
  for priority = 0, MATRIX_PRIORITIES - 1 do
    local found = {}
    for i = 3, #ARGV do
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

-- runner, lease, token, line for the log, ids… → as claim, for each that was to be had
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

---- Running

-- The build worker that says it, in a step under `as_worker`; nil: a service's own step.
local worker

-- The job, if it runs under this number and nobody took its package's lock; else nil. Of a worker's only the builds that it has.
local function held_job(id, fence, ...)
  local job = read_job(id, 'state', 'fence', 'kind', 'lane', 'place', 'runner', ...)
  if job.state ~= 'running' or job.fence ~= fence then return end
  if worker and (job.kind ~= 'matrix' or job.runner ~= worker) then return end
  if job.lane and not has_lock(job.lane, id, fence) then return end
  return job
end

local function stale(id)
  return refuse('STALE', 'The job ' .. id .. ' is no longer held by this runner')
end

local function has_another(id, field)
  return refuse('CONFLICT', 'The job ' .. id .. ' has another ' .. field .. ' already')
end

local function renew(id, fence, job, deadline)
  call('ZADD', 'leases', deadline, id)
  if job.lane then set_lock(job.lane, id, fence, deadline) end
end

-- lease, then id and fence of each → 1 or 0 for each: it is held
function steps.renew()
  local deadline, answer = now_ms() + ARGV[2], {}
  for i = 3, #ARGV, 2 do
    local id, fence = ARGV[i], ARGV[i + 1]
    local job = held_job(id, fence)
    if job then renew(id, fence, job, deadline) end
    answer[#answer + 1] = job and 1 or 0
  end
  return answer
end

-- id, fence → milliseconds
function steps.lease_left()
  local id, fence = ARGV[2], ARGV[3]
  if not held_job(id, fence) then return stale(id) end
  return math.max(0, call('ZSCORE', 'leases', id) - now_ms())
end

-- From running back to pending, at the old place; not before a time, or not before other jobs have ended.
local function hand_back(id, job, not_before, awaited)
  call('ZREM', 'leases', id)
  call('ZREM', 'running:' .. job.kind, id)
  count_build(job, 'running', -1)
  if job.lane then free_lock(job.lane, id, job.fence) end
  call('HSET', 'job:' .. id, 'state', 'pending')
  call('HDEL', 'job:' .. id, 'runner', 'claim')
  if not_before then call('HSET', 'job:' .. id, 'notBefore', not_before) end
  if awaited then begin_waiting(id, job, awaited) end
  enter_pending(id, job)
end

-- Hands the job back for the runner that holds it: to be claimed after a delay, when other jobs have ended, or (both nil) now.
-- The attempt does not count. `goes_on`: the job's time does, since it waits for something of the registry's own.
local function put_back(id, fence, delay_ms, awaited, goes_on)
  if read_job(id, 'handedBack').handedBack == fence then return 1 end
  local job = held_job(id, fence, 'address', 'compiler', 'startedAt')
  if not job then return stale(id) end
  if goes_on then call('HSETNX', 'job:' .. id, 'waitingSince', job.startedAt) end
  if awaited then call('HDEL', 'job:' .. id, 'waitingSince') end
  call('HINCRBY', 'job:' .. id, 'attempts', -1)
  call('HSET', 'job:' .. id, 'handedBack', fence)
  hand_back(id, job, delay_ms and now_ms() + delay_ms, awaited)
  return 1
end

-- id, fence, delay, whether the job's time goes on
function steps.release()
  return put_back(ARGV[2], ARGV[3], tonumber(ARGV[4]), nil, ARGV[5])
end

-- id, fence, the jobs whose end it waits for…
function steps.wait_for()
  return put_back(ARGV[2], ARGV[3], nil, {unpack(ARGV, 4)})
end

-- Publications of the package that were accepted before the job, to `found`: the unfinished ones, and the last ones of those
-- that have failed since it was accepted.
local function find_earlier(package, job, found)
  local function add(id, other)
    if other.kind == 'publish' then
      found[#found + 1] = {place = tonumber(other.place), id, package, other.version, other.state}
    end
  end
  for _, id in ipairs(call('LRANGE', 'lane:package:' .. package, 0, EARLIER_MAX - 1)) do
    local other = read_job(id, 'kind', 'version', 'state', 'place')
    if tonumber(other.place) < tonumber(job.place) then add(id, other) end
  end
  local ids = call('ZRANGE', 'jobs:package:' .. package, '(' .. job.place, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, FAILED_MAX)
  for _, id in ipairs(ids) do
    local other = read_job(id, 'kind', 'version', 'state', 'place', 'finishedAt')
    if other.state == 'failed' and tonumber(other.finishedAt) >= tonumber(job.createdAt) then add(id, other) end
  end
end

-- id, packages… → id, package, version and state of each publication that find_earlier() finds for the job
function steps.list_earlier()
  local job, found = read_job(ARGV[2], 'place', 'createdAt'), {}
  for i = 3, #ARGV do find_earlier(ARGV[i], job, found) end
  table.sort(found, function(a, b) return a.place < b.place end)
  return found
end

-- id, fence, field, value: what a run finds out once for all runs
function steps.keep()
  local id, fence, field, value = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
  local job = held_job(id, fence, field)
  if not job then return stale(id) end
  if job[field] and job[field] ~= value then return has_another(id, field) end
  call('HSET', 'job:' .. id, field, value)
  return 1
end

local function note_commit(id, job, commit)
  local commits = job.commits and job.commits .. ' ' or ''
  if (' ' .. commits .. ' '):find(' ' .. commit .. ' ', 1, true) then return end
  call('HSET', 'job:' .. id, 'commits', commits .. commit)
  local repository, number = commit:match('^(%a+)=(%x+)$')
  if not repository then return end
  call('HINCRBY', 'heads', 'count', 1)
  call('HSET', 'heads', repository, number, 'at', now_ms())
end

-- id, fence, commit: `REPOSITORY=COMMIT`
function steps.add_commit()
  local id, fence, commit = ARGV[2], ARGV[3], ARGV[4]
  local job = held_job(id, fence, 'commits')
  if not job then return stale(id) end
  note_commit(id, job, commit)
  return 1
end

-- id, fence, actor, replay key, credential → the job that has done the same, or ''
function steps.identify()
  local id, fence, actor, key, credential = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
  local job = held_job(id, fence, 'actor', 'retryOf')
  if not job then return stale(id) end
  local done_by = call('GET', 'replay:' .. key)
  if done_by and done_by ~= id then return done_by end
  if not job.retryOf then
    if job.actor then call('ZREM', 'jobs:actor:' .. job.actor, id) end
    job.actor = actor
    list_under_actor(id, job)
  end
  call('HSET', 'job:' .. id, 'actor', job.actor, 'replayByKey', key)
  if credential ~= '' then call('HSET', 'job:' .. id, 'credential', credential) end
  return ''
end

---- Log

local LOG_FIELDS = {'logTime', 'logLines', 'logBytes', 'logFence', 'logNumber', 'logIsCut', 'startedAt'}

-- From the argument at `first` on, for each line its number, time and text; `job` has LOG_FIELDS.
local function append_lines(id, fence, job, most_lines, most_bytes, first)
  local now, written = now_ms(), job.logFence == fence and tonumber(job.logNumber) or 0
  local lines, bytes = tonumber(job.logLines) or 0, tonumber(job.logBytes) or 0
  local last = math.max(tonumber(job.logTime) or 0, job.startedAt - 1)
  local function add(time, text)
    last = math.max(math.min(time, now), last + 1)
    call('XADD', 'job:' .. id .. ':log', string.format('%.0f-0', last), 'line', text)
  end
  for i = first, #ARGV, 3 do
    local number, time, text = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), ARGV[i + 2]
    if number > written and not job.logIsCut then
      lines, bytes = lines + 1, bytes + #text
      if lines > most_lines or bytes > most_bytes then
        job.logIsCut = '1'
        text = 'WARN 0 0 The log is cut here: a job may write ' .. most_lines .. ' lines and ' .. most_bytes .. ' bytes'
      end
      add(time, text)
    end
    written = math.max(written, number)
  end
  call('HSET', 'job:' .. id, 'logTime', last, 'logLines', lines, 'logBytes', bytes, 'logFence', fence, 'logNumber', written)
  if job.logIsCut then call('HSET', 'job:' .. id, 'logIsCut', 1) end
end

-- id, fence, most lines, most bytes, then the lines
function steps.append()
  local id, fence = ARGV[2], ARGV[3]
  local job = held_job(id, fence, unpack(LOG_FIELDS))
  if not job then return stale(id) end
  append_lines(id, fence, job, tonumber(ARGV[4]), tonumber(ARGV[5]), 6)
  return 1
end

-- A build is over: id, fence, record (empty: it is not to be committed), lease, most lines, most bytes, then its last lines
-- → the job's fields
function steps.take_result()
  local id, fence, record, lease_ms = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
  local kind = read_job(id, 'kind').kind
  if not kind then return refuse('NOTFOUND', 'There is no job ' .. id) end
  if kind ~= 'matrix' then return refuse('REFUSED', 'The job ' .. id .. ' is no build') end
  local job = held_job(id, fence, 'purpose', 'record', unpack(LOG_FIELDS))
  if not job then return stale(id) end
  local is_kept = record ~= '' and not TRIALS[job.purpose]
  if is_kept and job.record and job.record ~= record then return has_another(id, 'record') end
  if #ARGV > 7 then append_lines(id, fence, job, tonumber(ARGV[6]), tonumber(ARGV[7]), 8) end
  if is_kept then call('HSET', 'job:' .. id, 'record', record) end
  renew(id, fence, job, now_ms() + lease_ms)
  return call('HGETALL', 'job:' .. id)
end

---- Ending

-- A job that succeeded keeps its duplicate key where a repeated request is to get it; any other gives the key back.
local function settle_duplicates(id, job, result)
  local stays = result.success and not result.readonly
    and (job.kind == 'unpublish' or job.kind == 'publish' and result.documentation ~= 'failed')
  if job.duplicate and not stays and call('GET', 'duplicate:' .. job.duplicate) == id then
    call('DEL', 'duplicate:' .. job.duplicate)
  end
  if result.readonly then return end
  if result.success and job.replay then call('SET', 'replay:' .. job.replay, id, 'NX') end
  if result.success and job.replayByKey then call('SET', 'replay:' .. job.replayByKey, id, 'NX') end
  if result.success and job.kind == 'transfer' then call('HSET', 'transferred', job.package, id) end
  if result.success and job.kind == 'unpublish' and job.version then
    call('HSET', 'unpublished:' .. job.package, job.version, id)
  end
end

-- Counts it for its compiler, and keeps it for the version, for good.
local function settle_verdict(id, job, result, finished)
  local verdict, compiler = result.verdict, job.compiler
  count_build(job, 'running', -1)
  count_build(job, 'endedSinceFirst', 1)
  call('HSET', 'matrix:' .. compiler, 'last', finished)
  if not verdict then return end
  count_build(job, 'ended:' .. verdict, 1)
  if result.readonly or TRIALS[job.purpose] then return end
  local key, plan = 'verdicts:' .. job.package .. '@' .. job.version, redis.sha1hex(job.payload)
  call('HSET', key, compiler, string.format('%s %s %.0f %s', verdict, id, finished, plan))
  if result.success then call('HSET', key, compiler .. ' succeeded', id) end
  if result.stands then call('HSET', key, compiler .. ' ' .. plan, id) end
end

-- What owners and trustees did is never removed.
local function may_leave(job)
  return job.kind ~= 'unpublish' and job.kind ~= 'transfer' and job.kind ~= 'revision'
    and (job.actor or 'anonymous') == 'anonymous'
end

local function next_in_lane(id, job)
  free_lock(job.lane, id, job.fence)
  call('LREM', 'lane:' .. job.lane, 1, id)
  local next_id = lane_head(job.lane)
  if next_id then make_ready(next_id) end
end

local ENDING = {'duplicate', 'replay', 'replayByKey', 'payload', 'package', 'version', 'compiler', 'purpose', 'actor', 'logTime',
  'logIsCut', 'startedAt', 'commits'}
local FOUND_AT_END = {'error', 'documentation', 'payload', 'verdict', 'result', 'ending'}

local function end_job(id, job, result, now)
  local state = result.success and 'succeeded' or 'failed'
  if result.commit then note_commit(id, job, result.commit) end
  if result.line and not job.logIsCut then add_line(id, job, now, result.line) end
  if result.error and job.logIsCut then add_line(id, job, now, 'ERROR 0 0 ' .. result.error) end
  local finished = math.max(now, job.startedAt, (tonumber(job.logTime) or 0) + 1)
  call('XADD', 'job:' .. id .. ':log', string.format('%.0f-0', finished), 'end', state)
  local fields = {'state', state, 'finishedAt', finished}
  for _, name in ipairs(FOUND_AT_END) do
    if result[name] then
      fields[#fields + 1] = name
      fields[#fields + 1] = result[name]
    end
  end
  call('HSET', 'job:' .. id, unpack(fields))
  if result.readonly then call('HSET', 'job:' .. id, 'readonly', 1) end
  call('HDEL', 'job:' .. id, 'runner', 'claim', 'address')
  call('ZREM', 'leases', id)
  call('ZREM', 'running:' .. job.kind, id)
  call('ZREM', 'jobs:unfinished', id)
  if not result.success then call('ZADD', 'jobs:failed', job.place, id) end
  if may_leave(job) then
    call('ZADD', 'finished:' .. job.kind, finished, id)
    call('ZADD', 'logs:finished', finished, id)
  end
  if job.lane then next_in_lane(id, job) end
  wake_waiters(id, result.success)
  settle_duplicates(id, job, result)
  if job.kind == 'matrix' then
    call('HDEL', 'job:' .. id, 'record') -- the result is the same once more
    settle_verdict(id, job, result, finished)
  end
  if result.event then call('XADD', 'events', '*', 'job', id, 'event', result.event) end
end

local function none_if_empty(text)
  if text ~= '' then return text end
end

-- id, fence, success, readonly, error, documentation, event, payload, verdict, whether that stands, result, commit, last line, ending
function steps.finish()
  local id, fence, success = ARGV[2], ARGV[3], ARGV[4] == '1'
  local done = read_job(id, 'state', 'fence')
  if done.fence == fence and done.state == (success and 'succeeded' or 'failed') then return 1 end
  local job = held_job(id, fence, unpack(ENDING))
  if not job then return stale(id) end
  end_job(id, job, {success = success, readonly = ARGV[5] == '1', error = none_if_empty(ARGV[6]),
    documentation = none_if_empty(ARGV[7]), event = none_if_empty(ARGV[8]), payload = none_if_empty(ARGV[9]),
    verdict = none_if_empty(ARGV[10]), stands = ARGV[11] == '1', result = none_if_empty(ARGV[12]),
    commit = none_if_empty(ARGV[13]), line = none_if_empty(ARGV[14]), ending = none_if_empty(ARGV[15])}, now_ms())
  return 1
end

-- id, fence, success → whether it has ended so under this number
function steps.has_ended()
  local job = read_job(ARGV[2], 'state', 'fence')
  return job.fence == ARGV[3] and job.state == (ARGV[4] == '1' and 'succeeded' or 'failed') and 1 or 0
end

---- Housekeeping

-- What a log says of a job whose runner was lost, and what it and the job's error say in the end.
local LOST = {
  request = 'The service that ran this job stopped, or lost its connection, before the job was done',
  build = 'The build worker that had this job stopped, or was not heard of any more, before the job was done'
}
local GIVEN_UP = {
  request = 'Nothing was published or changed; please send the request again, and tell the registry team if that fails, too',
  build = 'That says nothing about the package, and nothing was changed'
}

-- What becomes of a job whose lease ran out, as the word for the caller.
local function take_back(id, now, lease_ms, is_attempt)
  local job = read_job(id, 'state', 'fence', 'kind', 'lane', 'place', 'address', 'attempts', 'record', unpack(ENDING))
  local attempts, what = tonumber(job.attempts), job.kind == 'matrix' and 'build' or 'request'
  if not is_attempt then
    call('HINCRBY', 'job:' .. id, 'attempts', -1)
  elseif attempts >= ATTEMPTS_MAX and job.record then
    local delay = math.min(lease_ms * 2 ^ math.min(attempts - ATTEMPTS_MAX, 20), BACKOFF_MAX_MS)
    add_line(id, job, now, 'WARN 0 0 ' .. LOST[what] .. ' (attempt ' .. attempts .. '). It has begun to write, so it is tried again')
    hand_back(id, job, now + delay)
    return 'alarming'
  elseif attempts >= ATTEMPTS_MAX then
    local sentence = LOST[what] .. ', ' .. attempts .. ' times in a row, so it was given up. ' .. GIVEN_UP[what]
    add_line(id, job, now, 'ERROR 0 0 ' .. sentence)
    job.logIsCut = nil -- said already
    end_job(id, job, {success = false, error = sentence, verdict = what == 'build' and 'worker_lost' or nil}, now)
    return 'failed'
  end
  add_line(id, job, now, 'WARN 0 0 ' .. LOST[what] .. '. It will be taken up again')
  hand_back(id, job)
  return 'returned'
end

local function remove_oldest_logs()
  local removed = 0
  if memory_used() < MEMORY_FOR_LOGS then return removed end
  local oldest = call('ZPOPMIN', 'logs:finished', LOGS_REMOVED_MAX)
  for i = 1, #oldest, 2 do
    local key, finished = 'job:' .. oldest[i] .. ':log', oldest[i + 1]
    call('UNLINK', key)
    call('XADD', key, string.format('%.0f-0', finished - 1), 'line', 'WARN 0 0 The log of this job was removed to make room')
    removed = removed + 1
  end
  return removed
end

-- lease, most → logs removed, then what became of each job, and its id
function steps.reap()
  local lease_ms, most, now = tonumber(ARGV[2]), ARGV[3], now_ms()
  local since, answer = redis_up_since(now), {remove_oldest_logs()}
  if now < since + lease_ms / 2 then return answer end -- runners are given time to renew
  local expired = call('ZRANGE', 'leases', '-inf', now, 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
  for i = 1, #expired, 2 do
    answer[#answer + 1] = take_back(expired[i], now, lease_ms, tonumber(expired[i + 1]) >= since + lease_ms)
    answer[#answer + 1] = expired[i]
  end
  return answer
end

-- most, how long matrix jobs stay, others, and any while memory is short → ids, of each kind the oldest first
function steps.list_aged()
  local most, matrix_ms, other_ms, least_ms = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  local now, is_short, ids = now_ms(), memory_used() >= MEMORY_FOR_FINISHED_JOBS, {}
  for _, kind in ipairs({'matrix', 'packageset', 'publish'}) do
    local stay_ms = is_short and least_ms or kind == 'matrix' and matrix_ms or other_ms
    local aged = call('ZRANGE', 'finished:' .. kind, '-inf', now - stay_ms, 'BYSCORE', 'LIMIT', 0, most - #ids)
    for _, id in ipairs(aged) do ids[#ids + 1] = id end
  end
  return ids
end

-- id; its duplicate key stays with the id, if it has kept it at its end
function steps.forget()
  local id = ARGV[2]
  local job = read_job(id, 'state', 'kind', 'package', 'actor')
  if not job.state then return 1 end
  if job.state ~= 'succeeded' and job.state ~= 'failed' or not may_leave(job) then
    return refuse('CONFLICT', 'The job ' .. id .. ' stays: it is not finished, or an owner or trustee asked for it')
  end
  for _, set in ipairs({'jobs', 'jobs:failed', 'jobs:kind:' .. job.kind, 'finished:' .. job.kind, 'logs:finished'}) do
    call('ZREM', set, id)
  end
  if job.package then call('ZREM', 'jobs:package:' .. job.package, id) end
  call('UNLINK', 'job:' .. id, 'job:' .. id .. ':log')
  return 1
end

---- Events

-- "MS-NUMBER" as two numbers.
local function event_place(event)
  local ms, number = event:match('(%d+)-(%d+)')
  return tonumber(ms), tonumber(number)
end

-- The oldest event that the group has not acknowledged, or where its next one may be.
local function first_needed(name, pending, last_delivered)
  if pending > 0 then return event_place(call('XPENDING', 'events', name)[2]) end
  local ms, number = event_place(last_delivered)
  return ms, number + 1
end

-- → events removed. Whole nodes of the stream go, so some acknowledged events may stay.
function steps.trim_events()
  if call('EXISTS', 'events') == 0 then return 0 end
  local first_ms, first_number
  for _, fields in ipairs(call('XINFO', 'GROUPS', 'events')) do
    local group = {}
    for i = 1, #fields, 2 do group[fields[i]] = fields[i + 1] end
    local ms, number = first_needed(group.name, group.pending, group['last-delivered-id'])
    if not first_ms or ms < first_ms or ms == first_ms and number < first_number then first_ms, first_number = ms, number end
  end
  if not first_ms then return 0 end
  return call('XTRIM', 'events', 'MINID', '~', string.format('%.0f-%.0f', first_ms, first_number))
end

---- Locks that no job holds

-- name, token, hold → fence, or less than 0: the milliseconds until it runs out
function steps.lock_take()
  local name, token, now = ARGV[2], ARGV[3], now_ms()
  local holder = lock_holder(name, now)
  if holder == token then return tonumber(call('HGET', 'lock:' .. name, 'fence')) end
  if holder then return now - call('HGET', 'lock:' .. name, 'deadline') end
  local fence = call('INCR', 'fence')
  set_lock(name, token, fence, now + ARGV[4])
  return fence
end

-- name, token, needed, hold → how long it holds: renewed where that would be less than needed, else nothing is written
function steps.lock_keep()
  local name, token, now = ARGV[2], ARGV[3], now_ms()
  if lock_holder(name, now) ~= token then return refuse('STALE', 'The lock ' .. name .. ' has run out') end
  local left = call('HGET', 'lock:' .. name, 'deadline') - now
  if left >= tonumber(ARGV[4]) then return left end
  call('HSET', 'lock:' .. name, 'deadline', now + ARGV[5])
  return tonumber(ARGV[5])
end

-- name, token
function steps.lock_release()
  local name, token = ARGV[2], ARGV[3]
  if call('HGET', 'lock:' .. name, 'released') == token then return 1 end
  if lock_holder(name, now_ms()) ~= token then return refuse('STALE', 'The lock ' .. name .. ' has run out') end
  call('HSET', 'lock:' .. name, 'token', '', 'released', token)
  return 1
end

---- What build workers may do

local WORKERS_STEPS = {renew = true, append = true, take_result = true, release = true}

-- `as_worker`, the worker, then one of those steps as it is
if ARGV[1] == 'as_worker' and WORKERS_STEPS[ARGV[3]] then
  table.remove(ARGV, 1)
  worker = table.remove(ARGV, 1)
end

return steps[ARGV[1]]()
