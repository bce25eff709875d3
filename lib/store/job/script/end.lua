-- SPDX-License-Identifier: BSD-3-Clause
--
-- The steps that build workers may use, and the call of the step.

local WORKERS_STEPS = {renew = true, append = true, take_result = true, release = true}

-- `as_worker`, the worker's id, then one of those steps as usual
if ARGV[1] == 'as_worker' and WORKERS_STEPS[ARGV[3]] then
  table.remove(ARGV, 1)
  worker = table.remove(ARGV, 1)
end

return steps[ARGV[1]]()
