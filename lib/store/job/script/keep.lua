-- SPDX-License-Identifier: BSD-3-Clause
--
-- Expired leases, finished jobs that move to storage (lib/store/job/job_retention.h), and logs that are removed to free memory.

local ATTEMPTS_MAX = 3
local BACKOFF_MAX_MS = 600000
local REAPED_KEPT_MS = 3600000

-- Parts of maxmemory: above the first, finished jobs move to storage before their time; above the second (there may be no
-- storage), the oldest logs are removed; above the last no new jobs are accepted.
local MEMORY_FOR_FINISHED_JOBS, MEMORY_FOR_LOGS = 0.7, 0.8 -- and MEMORY_FOR_NEW_JOBS
local LOGS_REMOVED_MAX = 100 -- by one step

-- For a job whose runner was lost: the line for its log, and the end of its error when it is given up.
local LOST = {
  request = 'The service that ran this job stopped, or lost its connection, before the job was done',
  build = 'The build worker that had this job stopped, or lost its connection, before the job was done'
}
local GIVEN_UP = {
  request = 'Nothing was published or changed. Please send the request again, and tell the registry team if that fails, too.',
  build = 'This says nothing about the package, and nothing was changed.'
}

-- Takes back a job whose lease has expired; returns the outcome as a word: alarming, failed or returned.
local function take_back(id, now, lease_ms, is_attempt)
  local job = read_job(id, 'state', 'fence', 'kind', 'lane', 'place', 'address', 'attempts', 'record', unpack(ENDING))
  local attempts, what = tonumber(job.attempts), job.kind == 'matrix' and 'build' or 'request'
  if not is_attempt then
    call('HINCRBY', 'job:' .. id, 'attempts', -1)
  elseif attempts >= ATTEMPTS_MAX and job.record then
    local delay = math.min(lease_ms * 2 ^ math.min(attempts - ATTEMPTS_MAX, 20), BACKOFF_MAX_MS)
    add_line(id, job, now, 'WARN 0 0 ' .. LOST[what] .. ' (attempt ' .. attempts .. '). It has begun to write, so it is retried.')
    hand_back(id, job, now + delay)
    return 'alarming'
  elseif attempts >= ATTEMPTS_MAX then
    local sentence = LOST[what] .. ', ' .. attempts .. ' times in a row, so it was given up. ' .. GIVEN_UP[what]
    add_line(id, job, now, 'ERROR 0 0 ' .. sentence)
    end_job(id, job, {success = false, error = sentence, verdict = what == 'build' and 'worker_lost' or nil}, now)
    return 'failed'
  end
  add_line(id, job, now, 'WARN 0 0 ' .. LOST[what] .. '. It will be retried.')
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
    call('XADD', key, string.format('%.0f-0', finished - 1), 'line', 'WARN 0 0 The log of this job was removed to make room.')
    if call('EXISTS', 'job:' .. oldest[i]) == 1 then call('HSET', 'job:' .. oldest[i], 'logRemoved', 1) end
    removed = removed + 1
  end
  return removed
end

-- lease, limit, token → number of logs removed, then for each job the result of take_back(), and its id. An answer that operators
-- must hear is kept under the token, for a repeated call whose first answer was lost.
function steps.reap()
  local lease_ms, most, token, now, must_be_heard = tonumber(ARGV[2]), ARGV[3], ARGV[4], now_ms(), false
  local before = call('GET', 'reaped:' .. token)
  if before then return cjson.decode(before) end
  local since, answer = redis_up_since(now), {remove_oldest_logs()}
  if now < since + lease_ms / 2 then return answer end -- runners have time to renew
  local expired = call('ZRANGE', 'leases', '-inf', now, 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
  for i = 1, #expired, 2 do
    local outcome = take_back(expired[i], now, lease_ms, tonumber(expired[i + 1]) >= since + lease_ms)
    answer[#answer + 1] = outcome
    answer[#answer + 1] = expired[i]
    must_be_heard = must_be_heard or outcome ~= 'returned'
  end
  if must_be_heard then call('SET', 'reaped:' .. token, cjson.encode(answer), 'PX', REAPED_KEPT_MS) end
  return answer
end

-- limit, how long matrix jobs stay, others, and any while memory is short → ids, of each kind the oldest first
function steps.list_aged()
  local most, matrix_ms, other_ms, least_ms = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  local now, is_short, ids = now_ms(), memory_used() >= MEMORY_FOR_FINISHED_JOBS, {}
  for _, kind in ipairs(KINDS) do
    local stay_ms = is_short and least_ms or kind == 'matrix' and matrix_ms or other_ms
    local aged = call('ZRANGE', 'finished:' .. kind, '-inf', now - stay_ms, 'BYSCORE', 'LIMIT', 0, most - #ids)
    for _, id in ipairs(aged) do ids[#ids + 1] = id end
  end
  return ids
end

-- id; its duplicate key, if it kept that at its end, still names the id afterwards
function steps.forget()
  local id = ARGV[2]
  local job = read_job(id, 'state', 'kind', 'package', 'actor')
  if not job.state then return 1 end
  if job.state ~= 'succeeded' and job.state ~= 'failed' or not may_leave(job) then
    return refuse('CONFLICT', 'The job ' .. id .. ' stays: it is not finished, or an owner or trustee requested it.')
  end
  for _, set in ipairs({'jobs', 'jobs:failed', 'jobs:kind:' .. job.kind, 'finished:' .. job.kind, 'logs:finished'}) do
    call('ZREM', set, id)
  end
  if job.package then call('ZREM', 'jobs:package:' .. job.package, id) end
  call('UNLINK', 'job:' .. id, 'job:' .. id .. ':log')
  return 1
end
