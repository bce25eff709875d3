-- SPDX-License-Identifier: BSD-3-Clause
--
-- Announces what changes in jobs, for processes that follow many of them (lib/store/job/job_watch.h): two streams of bounded length. A reader
-- that has missed entries reads the jobs themselves.

local CHANGED_LOGS_MAX, CHANGED_STATES_MAX = 1000, 10000

local function announce_lines(id)
  call('XADD', 'changes:logs', 'MAXLEN', '~', CHANGED_LOGS_MAX, '*', 'job', id)
end

-- The job is in another state, or a pending one waits for something else.
local function announce_state(id)
  call('XADD', 'changes:states', 'MAXLEN', '~', CHANGED_STATES_MAX, '*', 'job', id)
end
