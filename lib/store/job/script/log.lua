-- SPDX-License-Identifier: BSD-3-Clause
--
-- Lines of jobs' logs (lib/store/job/log_stream.c).

-- Times increase by at least a millisecond from line to line; a burst runs ahead of the clock.
local function add_line(id, job, time, text)
  time = math.max(time, (tonumber(job.logTime) or 0) + 1)
  call('XADD', 'job:' .. id .. ':log', string.format('%.0f-0', time), 'line', text)
  call('HSET', 'job:' .. id, 'logTime', time)
  job.logTime = time
end

local LOG_FIELDS = {'logTime', 'logLines', 'logBytes', 'logFence', 'logNumber', 'logIsCut', 'startedAt'}

-- Appends the lines in the arguments from `first` on: number, time and text of each; `job` has LOG_FIELDS.
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
