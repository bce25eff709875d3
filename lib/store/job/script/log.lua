-- SPDX-License-Identifier: BSD-3-Clause
--
-- Lines of jobs' logs (lib/store/job/log_stream.c).

-- Of a job: the last line's time and ordinal, how many lines and bytes the log has, and once lines can be left out, the time of the
-- last one before the middle. put_line() reads them, keep_log() writes them.
local LOG_FIELDS = {'logTime', 'logOrdinal', 'logLines', 'logBytes', 'logHead'}

-- How many lines the log has had; of a log that an earlier release began: how many it has.
local function last_ordinal(id, job)
  return tonumber(job.logOrdinal) or call('XLEN', 'job:' .. id .. ':log')
end

-- Adds a line no earlier than `time`, with the next ordinal. Times increase by at least a millisecond from line to line; a burst
-- runs ahead of the clock. keep_log() must follow.
local function put_line(id, job, time, text)
  job.logTime, job.logOrdinal = math.max(time, (tonumber(job.logTime) or 0) + 1), last_ordinal(id, job) + 1
  job.logLines, job.logBytes = (tonumber(job.logLines) or 0) + 1, (tonumber(job.logBytes) or 0) + #text
  call('XADD', 'job:' .. id .. ':log', string.format('%.0f-%.0f', job.logTime, job.logOrdinal), 'line', text)
end

local function keep_log(id, job, ...)
  call('HSET', 'job:' .. id, 'logTime', job.logTime, 'logOrdinal', last_ordinal(id, job), 'logLines', job.logLines or 0, 'logBytes',
    job.logBytes or 0, ...)
  if job.logHead then call('HSET', 'job:' .. id, 'logHead', job.logHead) end
  announce_lines(id)
end

-- A line of a step itself; `job` has LOG_FIELDS.
local function add_line(id, job, time, text)
  put_line(id, job, time, text)
  keep_log(id, job)
end

-- A log over its limits keeps its head and its tail: these shares of the limits are for the tail.
local function tail_of(most_lines, most_bytes)
  return math.min(LOG_TAIL_LINES, math.floor(most_lines / 2)), math.floor(most_bytes / 4)
end

-- The text without its end if it has more bytes than that: no part of a character is left.
local function cut_text(text, most_bytes)
  if #text <= most_bytes then return text end
  while most_bytes > 0 and text:byte(most_bytes + 1) >= 0x80 and text:byte(most_bytes + 1) < 0xC0 do most_bytes = most_bytes - 1 end
  return text:sub(1, most_bytes) .. ' … (the rest of this line is left out)'
end

-- Adds a line that counts: once the head is full, it belongs to the tail.
local function put_counted_line(id, job, time, text, most_lines, most_bytes)
  local tail_lines, tail_bytes = tail_of(most_lines, most_bytes)
  local lines, bytes = tonumber(job.logLines) or 0, tonumber(job.logBytes) or 0
  if not job.logHead and (lines >= most_lines - tail_lines or bytes + #text > most_bytes - tail_bytes) then
    job.logHead = job.logTime
  end
  put_line(id, job, time, job.logHead and cut_text(text, tail_bytes) or text)
end

-- While the log is over a limit, removes its oldest line after the head; but never the last one.
local function leave_out_middle(id, job, most_lines, most_bytes)
  local key = 'job:' .. id .. ':log'
  while job.logHead and (job.logLines > most_lines or job.logBytes > most_bytes) do
    local from, to, removed = string.format('%.0f', job.logHead + 1), string.format('%.0f', job.logTime - 1), {}
    for _, entry in ipairs(call('XRANGE', key, from, to, 'COUNT', 100)) do
      if job.logLines <= most_lines and job.logBytes <= most_bytes then break end
      removed[#removed + 1] = entry[1]
      job.logLines, job.logBytes = job.logLines - 1, job.logBytes - #entry[2][2]
    end
    if #removed == 0 then return end
    call('XDEL', key, unpack(removed))
  end
end

local APPEND_FIELDS = {'logFence', 'logNumber', 'startedAt', unpack(LOG_FIELDS)}

-- Appends the lines in the arguments from `first` on: number, time and text of each; `job` has APPEND_FIELDS. Where numbers are
-- missing, the runner has left lines out itself (lib/service/job/job_log.h): they count, and have a time.
local function append_lines(id, fence, job, most_lines, most_bytes, first)
  local now, written = now_ms(), job.logFence == fence and tonumber(job.logNumber) or 0
  job.logTime = math.max(tonumber(job.logTime) or 0, job.startedAt - 1)
  for i = first, #ARGV, 3 do
    local number, time, text = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), ARGV[i + 2]
    if number > written then
      if number > written + 1 then
        job.logTime, job.logOrdinal = job.logTime + 1, last_ordinal(id, job) + number - written - 1
      end
      put_counted_line(id, job, math.min(time, now), text, most_lines, most_bytes)
      written = number
    end
  end
  job.logLines, job.logBytes = tonumber(job.logLines) or 0, tonumber(job.logBytes) or 0
  leave_out_middle(id, job, most_lines, most_bytes)
  keep_log(id, job, 'logFence', fence, 'logNumber', written)
end
