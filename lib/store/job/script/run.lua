-- SPDX-License-Identifier: BSD-3-Clause
--
-- The steps of a runner for the job that it holds: renew the lease, hand the job back, store findings, write the log.

-- The build worker that sent a step under `as_worker`; nil: a service's own step.
local worker

-- The job, if it runs under this fence and still has its package's lock; else nil. For a worker only builds that it holds.
local function held_job(id, fence, ...)
  local job = read_job(id, 'state', 'fence', 'kind', 'lane', 'place', 'runner', ...)
  if job.state ~= 'running' or job.fence ~= fence then return end
  if worker and (job.kind ~= 'matrix' or job.runner ~= worker) then return end
  if job.lane and not has_lock(job.lane, id, fence) then return end
  return job
end

local function stale(id)
  return refuse('STALE', 'The job ' .. id .. ' is no longer held by this runner.')
end

local function has_another(id, field)
  return refuse('CONFLICT', 'The job ' .. id .. ' already has another ' .. field .. '.')
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

-- Moves the job from running back to pending, at its old place; not before a time, or not before other jobs have ended.
local function hand_back(id, job, not_before, awaited)
  leave_running(id, job)
  if job.lane then free_lock(job.lane, id, job.fence) end
  call('HSET', 'job:' .. id, 'state', 'pending')
  call('HDEL', 'job:' .. id, 'runner', 'claim')
  if not_before then call('HSET', 'job:' .. id, 'notBefore', not_before) end
  if awaited then begin_waiting(id, job, awaited) end
  enter_pending(id, job)
  announce_state(id)
end

-- Hands the job back for the runner that holds it: to be claimed after a delay, when other jobs have ended, or (both nil) now.
-- The attempt is not counted; the delay is, as the runner doubles it each time. `goes_on`: the wait counts towards the job's time limit, since it is for a part of the registry.
local function put_back(id, fence, delay_ms, awaited, goes_on)
  if read_job(id, 'handedBack').handedBack == fence then return 1 end
  local job = held_job(id, fence, 'address', 'compiler', 'startedAt')
  if not job then return stale(id) end
  if goes_on then call('HSETNX', 'job:' .. id, 'waitingSince', job.startedAt) end
  if awaited then call('HDEL', 'job:' .. id, 'waitingSince', 'delays') end
  if delay_ms then call('HINCRBY', 'job:' .. id, 'delays', 1) end
  call('HINCRBY', 'job:' .. id, 'attempts', -1)
  call('HSET', 'job:' .. id, 'handedBack', fence)
  hand_back(id, job, delay_ms and now_ms() + delay_ms, awaited)
  return 1
end

-- id, fence, delay, whether the wait counts towards the job's time limit
function steps.release()
  return put_back(ARGV[2], ARGV[3], tonumber(ARGV[4]), nil, ARGV[5])
end

-- id, fence, the jobs whose end it waits for…
function steps.wait_for()
  return put_back(ARGV[2], ARGV[3], nil, {unpack(ARGV, 4)})
end

-- Adds to `found` the publications of the package that were accepted before the job: the unfinished ones among the first
-- EARLIER_MAX, and among as many jobs of any kind those that have failed since the job was accepted.
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
  local ids = call('ZRANGE', 'jobs:package:' .. package, '(' .. job.place, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, EARLIER_MAX)
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

-- id, fence, field, value: stores a value that a run finds out once for all runs
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

-- id, fence, actor, replay key, credential → the job that has succeeded with the same replay key, or ''
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

-- id, fence, most lines, most bytes, then the lines
function steps.append()
  local id, fence = ARGV[2], ARGV[3]
  local job = held_job(id, fence, unpack(APPEND_FIELDS))
  if not job then return stale(id) end
  append_lines(id, fence, job, tonumber(ARGV[4]), tonumber(ARGV[5]), 6)
  return 1
end

-- The end of a build: id, fence, record (empty: nothing to commit), lease, most lines, most bytes, then its last lines
-- → the job's fields
function steps.take_result()
  local id, fence, record, lease_ms = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
  local kind = read_job(id, 'kind').kind
  if not kind then return refuse('NOTFOUND', 'There is no job ' .. id .. '.') end
  if kind ~= 'matrix' then return refuse('REFUSED', 'The job ' .. id .. ' is not a build.') end
  local job = held_job(id, fence, 'purpose', 'record', unpack(APPEND_FIELDS))
  if not job then return stale(id) end
  local is_kept = record ~= '' and not TRIALS[job.purpose]
  if is_kept and job.record and job.record ~= record then return has_another(id, 'record') end
  if #ARGV > 7 then append_lines(id, fence, job, tonumber(ARGV[6]), tonumber(ARGV[7]), 8) end
  if is_kept then call('HSET', 'job:' .. id, 'record', record) end
  renew(id, fence, job, now_ms() + lease_ms)
  return call('HGETALL', 'job:' .. id)
end
