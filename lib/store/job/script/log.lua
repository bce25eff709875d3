-- SPDX-License-Identifier: BSD-3-Clause
--
-- Lines of jobs' logs (lib/store/job/log_stream.c).

local LOG_FIELDS = {'logTime', 'logOrdinal'} -- what put_line() reads of a job, and keep_log() writes

-- How many lines the log has had; of a log that an earlier release began: how many it has.
local function last_ordinal(id, job)
  return tonumber(job.logOrdinal) or call('XLEN', 'job:' .. id .. ':log')
end

-- Adds a line no earlier than `time`, with the next ordinal. Times increase by at least a millisecond from line to line; a burst
-- runs ahead of the clock. keep_log() must follow.
local function put_line(id, job, time, text)
  job.logTime, job.logOrdinal = math.max(time, (tonumber(job.logTime) or 0) + 1), last_ordinal(id, job) + 1
  call('XADD', 'job:' .. id .. ':log', string.format('%.0f-%.0f', job.logTime, job.logOrdinal), 'line', text)
end

local function keep_log(id, job, ...)
  call('HSET', 'job:' .. id, 'logTime', job.logTime, 'logOrdinal', last_ordinal(id, job), ...)
end

-- A line of a step itself; `job` has LOG_FIELDS.
local function add_line(id, job, time, text)
  put_line(id, job, time, text)
  keep_log(id, job)
end

local APPEND_FIELDS = {'logTime', 'logOrdinal', 'logLines', 'logBytes', 'logFence', 'logNumber', 'logIsCut', 'startedAt'}

-- Appends the lines in the arguments from `first` on: number, time and text of each; `job` has APPEND_FIELDS.
local function append_lines(id, fence, job, most_lines, most_bytes, first)
  local now, written = now_ms(), job.logFence == fence and tonumber(job.logNumber) or 0
  local lines, bytes = tonumber(job.logLines) or 0, tonumber(job.logBytes) or 0
  job.logTime = math.max(tonumber(job.logTime) or 0, job.startedAt - 1)
  for i = first, #ARGV, 3 do
    local number, time, text = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), ARGV[i + 2]
    if number > written and not job.logIsCut then
      lines, bytes = lines + 1, bytes + #text
      if lines > most_lines or bytes > most_bytes then
        job.logIsCut = '1'
        text = 'WARN 0 0 The log is cut here: a job may write ' .. most_lines .. ' lines and ' .. most_bytes .. ' bytes'
      end
      put_line(id, job, math.min(time, now), text)
    end
    written = math.max(written, number)
  end
  keep_log(id, job, 'logLines', lines, 'logBytes', bytes, 'logFence', fence, 'logNumber', written)
  if job.logIsCut then call('HSET', 'job:' .. id, 'logIsCut', 1) end
end
