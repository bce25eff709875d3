-- SPDX-License-Identifier: BSD-3-Clause
--
-- Removes events that every group has acknowledged.

-- "MS-NUMBER" as two numbers.
local function event_place(event)
  local ms, number = event:match('(%d+)-(%d+)')
  return tonumber(ms), tonumber(number)
end

-- The oldest event that the group has not acknowledged, or where its next one may be.
local function first_needed(name, pending, last_delivered)
  if pending > 0 then return event_place(call('XPENDING', 'events', name)[2]) end
  local ms, number = event_place(last_delivered)
  return ms, number + 1
end

-- → number of events removed. Only whole nodes of the stream are removed, so some acknowledged events may stay.
function steps.trim_events()
  if call('EXISTS', 'events') == 0 then return 0 end
  local first_ms, first_number
  for _, fields in ipairs(call('XINFO', 'GROUPS', 'events')) do
    local group = {}
    for i = 1, #fields, 2 do group[fields[i]] = fields[i + 1] end
    local ms, number = first_needed(group.name, group.pending, group['last-delivered-id'])
    if not first_ms or ms < first_ms or ms == first_ms and number < first_number then first_ms, first_number = ms, number end
  end
  if not first_ms then return 0 end
  return call('XTRIM', 'events', 'MINID', '~', string.format('%.0f-%.0f', first_ms, first_number))
end
