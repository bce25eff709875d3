-- SPDX-License-Identifier: BSD-3-Clause
--
-- A job ends, once and for good.

-- A job that succeeded keeps its duplicate key if a repeated request must get this job; any other releases the key.
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

-- Counts the end for the job's compiler, and stores the verdict for the version, for good.
local function settle_verdict(id, job, result, finished)
  local verdict, compiler = result.verdict, job.compiler
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

-- Jobs of owners and trustees never leave Redis.
local function may_leave(job)
  return not KIND[job.kind].is_change and (job.actor or 'anonymous') == 'anonymous'
end

local function next_in_lane(id, job)
  free_lock(job.lane, id, job.fence)
  call('LREM', 'lane:' .. job.lane, 1, id)
  local next_id = lane_head(job.lane)
  if next_id then make_ready(next_id) end
end

local ENDING = {'duplicate', 'replay', 'replayByKey', 'payload', 'package', 'version', 'compiler', 'purpose', 'actor', 'startedAt',
  'commits', unpack(LOG_FIELDS)}
local FOUND_AT_END = {'error', 'documentation', 'payload', 'verdict', 'result', 'ending'}

local DURATIONS_KEPT = 21

-- How long the last jobs of each kind took, for estimates (lib/store/job/job_watch.h).
local function note_duration(kind, duration)
  call('LPUSH', 'durations:' .. kind, string.format('%.0f', duration))
  call('LTRIM', 'durations:' .. kind, 0, DURATIONS_KEPT - 1)
end

local function end_job(id, job, result, now)
  local state = result.success and 'succeeded' or 'failed'
  if result.commit then note_commit(id, job, result.commit) end
  if result.line then add_line(id, job, now, result.line) end
  local finished = math.max(now, job.startedAt, (tonumber(job.logTime) or 0) + 1)
  call('XADD', 'job:' .. id .. ':log', string.format('%.0f-%.0f', finished, last_ordinal(id, job)), 'end', state)
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
  leave_running(id, job)
  call('ZREM', 'jobs:unfinished', id)
  if not result.success then call('ZADD', 'jobs:failed', job.place, id) end
  if may_leave(job) then
    call('ZADD', 'finished:' .. job.kind, finished, id)
    call('ZADD', 'logs:finished', finished, id)
  end
  if job.lane then next_in_lane(id, job) end
  note_duration(job.kind, finished - job.startedAt)
  announce_state(id)
  wake_waiters(id, result.success)
  settle_duplicates(id, job, result)
  if job.kind == 'matrix' then
    call('HDEL', 'job:' .. id, 'record') -- the result has the same data
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

-- id, fence, success → whether this lease has ended the job with this outcome
function steps.has_ended()
  local job = read_job(ARGV[2], 'state', 'fence')
  return job.fence == ARGV[3] and job.state == (ARGV[4] == '1' and 'succeeded' or 'failed') and 1 or 0
end
