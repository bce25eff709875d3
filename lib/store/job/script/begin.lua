-- SPDX-License-Identifier: BSD-3-Clause
--
-- Every change to a job is one step (lib/store/README.md). Redis runs a script whole, alone, and writes its changes to disk as
-- one transaction. ARGV[1] names the step; an empty argument means "none". Each step checks first and writes then, and may be
-- repeated after a lost reply.
--
-- Redis runs one text, and a script cannot call another: lib/store/job/job_script.c joins the files of this folder into one, in the
-- order begin, changes, locks, log, pending, accept, claim, run, finish, keep, events, end, preceded by the tables that it makes from
-- lib/domain/job/job_kinds.def (KINDS, KIND, TRIALS) and its constants. (The other data of the build matrix has a script of its
-- own: ../matrix.lua.)
--
-- Keys:
--   job:ID               hash: the fields of `struct job`, and below "lane", "place", "fence", "notBefore", "handedBack",
--                        "replayByKey", "priority", "waitsFor", "log…"
--   job:ID:log           stream: see lib/store/job/log_stream.c; its last entry, field "end", marks the job's end and wakes
--                        its readers
--   jobs, jobs:unfinished, jobs:failed, jobs:kind:K, jobs:package:P, jobs:actor:A     sorted sets of ids by place, for lists
--   pending:K, running:K sorted sets by place: the jobs of a kind that are pending or running
--   urgent               sorted set by place: the running jobs that somebody waits for (claim.lua)
--   ready:K              the part of pending:K that can be claimed; matrix jobs: ready:matrix:COMPILER:PRIORITY
--   delayed              sorted set by time: pending jobs that wait for a retry
--   waiters:ID           set: the pending jobs that wait for the end of the job ID; each has it in its field "waitsFor"
--   lane:L               list: the unfinished jobs of a package (or of the package sets) as they were accepted. Only its head
--                        is ever ready or running, so "one at a time, in order" needs no search
--   lock:NAME            hash token, fence, deadline: lib/store/redis/lock.h; the job that runs in a lane holds the lock of
--                        that name; while it is held otherwise, the lane's head stays ready and is not claimed
--   leases               sorted set by deadline: the running jobs
--   claim:TOKEN          the job that a claim got, for a repeated call
--   fence, place         counters that only grow
--   duplicate:KEY, replay:KEY, unpublished:PACKAGE, transferred
--                        facts for Duplicates and Replays; these outlive the jobs that they name, and so does the next
--   verdicts:PACKAGE@VERSION   hash: COMPILER → "VERDICT JOB TIME PLAN", the last one; COMPILER " succeeded" → the job;
--                        COMPILER " " PLAN → the job whose verdict on that plan (its hash) stands
--   matrix:COMPILER      hash of counts: pending, running, ended:VERDICT, endedSinceFirst; and times: first, last
--   pending:address      hash: pending jobs per client address
--   finished:K           sorted set by time: the finished jobs of a kind that will move to storage
--                        (lib/store/job/job_retention.h)
--   logs:finished        sorted set by time: those of them whose logs are still here, removed when memory is short
--   events               stream: the events that follow finished jobs
--   changes:logs, changes:states   streams: the jobs whose logs, or states, have changed lately (changes.lua)
--   durations:K          list: how long the last jobs of a kind ran
--   heads                hash: the last commit of a job in each repository, by its name; their count; at: the time of the last
--   redis                hash run, since: the current run of Redis, and when it was first seen
--
-- A place is createdAt * PLACES_PER_MS plus a count within the millisecond: one number for order of acceptance and time.

local call = redis.call
local steps = {}

local function now_ms()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- `code` is one of those in lib/store/job/job_steps.c (refusals).
local function refuse(code, sentence)
  return redis.error_reply(code .. ' ' .. sentence)
end

-- The named fields of a job; one that it does not have is nil.
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

-- When the current run of Redis was first seen here: its start, or a little later.
local function redis_up_since(now)
  local run = call('INFO', 'server'):match('run_id:(%x+)')
  local known, since = unpack(call('HMGET', 'redis', 'run', 'since'))
  if known == run then return tonumber(since) end
  call('HSET', 'redis', 'run', run, 'since', now)
  return now
end
