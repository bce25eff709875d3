-- SPDX-License-Identifier: BSD-3-Clause
--
-- Accepts a request: makes a job, or returns the one that the same request already has.

-- Is the job with the same duplicate key the answer to the new request? (A job that failed, or may be run again, has released
-- its key at its end. One that has left Redis succeeded. Both are about the same package and version.)
local function stands_for_repeat(id, request)
  local state = call('HGET', 'job:' .. id, 'state') or 'succeeded'
  local is_unpublished = request.kind == 'publish' and state == 'succeeded' and request.version
    and call('HEXISTS', 'unpublished:' .. request.package, request.version) == 1
  return not is_unpublished
end

-- The matrix job that has already found the result, or nil: a success with any plan, or a verdict on this plan that stands
-- (lib/domain/matrix/verdict.h).
local function known_verdict(job)
  local key, plan = 'verdicts:' .. job.package .. '@' .. job.version, job.compiler .. ' ' .. redis.sha1hex(job.payload)
  local succeeded, found, last = unpack(call('HMGET', key, job.compiler .. ' succeeded', plan, job.compiler))
  if found and last and last:find('^dependency_missing ') then found = nil end -- stored by earlier releases, in which it stood
  return succeeded or found or nil
end

local function same_request(job, again)
  local id = job.replay and not job.retryOf and call('GET', 'replay:' .. job.replay) -- for a retry, refuse_retry() decides
  if id then return id end
  id = job.duplicate and call('GET', 'duplicate:' .. job.duplicate)
  if id and stands_for_repeat(id, job) then return id end
  return job.kind == 'matrix' and not TRIALS[job.purpose] and not again and known_verdict(job)
end

-- The last successful transfer of the package, if that is not the job `id`, which has carried out this very request; else ''.
local function superseded_by(id, request)
  local last = request.kind == 'transfer' and call('HGET', 'transferred', request.package)
  return last and last ~= id and last or ''
end

-- Raises the priority of the pending matrix job to the request's, if that is more urgent.
local function raise_priority(id, request)
  local job = read_job(id, 'state', 'kind', 'compiler', 'priority', 'place')
  if job.state ~= 'pending' or tonumber(job.priority) <= tonumber(request.priority) then return end
  local is_ready = call('ZREM', ready_set(job), id) == 1
  job.priority = request.priority
  call('HSET', 'job:' .. id, 'priority', job.priority, 'purpose', request.purpose)
  if is_ready then call('ZADD', ready_set(job), job.place, id) end
end

-- The reason why no further job can be accepted, as a refusal, or nil.
local function no_room(job, limit, address_limit)
  local pending = 0
  for _, kind in ipairs(KINDS) do pending = pending + call('ZCARD', 'pending:' .. kind) end
  if limit and pending >= limit then
    return refuse('FULL', 'There are ' .. pending .. ' pending jobs already: please try again later.')
  end
  local mine = tonumber(job.address and call('HGET', 'pending:address', job.address)) or 0
  if address_limit and mine >= address_limit then
    return refuse('TOOMANY', 'There are ' .. mine .. ' pending jobs from your address already: please try again when some have ended.')
  end
  if memory_used() >= MEMORY_FOR_NEW_JOBS then
    return refuse('UNAVAILABLE', 'The memory for jobs is nearly used up: please try again later.')
  end
end

local function lane_of(job)
  local lane = KIND[job.kind].lane
  if lane == 'package' then return 'package:' .. job.package end
  return lane ~= '' and lane or nil
end

local function next_place(now)
  local place = math.max((tonumber(call('GET', 'place')) or 0) + 1, now * PLACES_PER_MS)
  call('SET', 'place', string.format('%.0f', place))
  return place
end

local function list_under_actor(id, job)
  if job.actor and job.actor ~= 'anonymous' then call('ZADD', 'jobs:actor:' .. job.actor, job.place, id) end
end

-- A compiler's estimate starts over with the first job after it had no unfinished ones.
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
  announce_state(id)
end

-- An old request must not be carried out after a newer one. Returns a change of the package that was accepted later than
-- `created` and has not failed, or nil.
local function later_change(package, created)
  local after = string.format('(%.0f', created * PLACES_PER_MS + PLACES_PER_MS - 1)
  for _, id in ipairs(call('ZRANGE', 'jobs:package:' .. package, after, '+inf', 'BYSCORE')) do
    local job = read_job(id, 'kind', 'state')
    if job.state ~= 'failed' and KIND[job.kind].is_change then return id end
  end
end

local function refuse_retry(job)
  local later = job.package and later_change(job.package, tonumber(job.retryOfCreatedAt))
  if later then
    return refuse('REFUSED', 'The job ' .. later .. ' has changed ' .. job.package .. ' since, or still may, so the earlier request cannot be retried.')
  end
end

-- id, limit, limit per address, again, then names and values of fields → id, whether it was created; for an existing job also
-- its state, and the job that has superseded it
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
