-- Writes points in time the way a person reads them, in the pattern of the locale.

local M = {}

local function clock(time)
  return os.date(mosis.locale.text("date.clock"), time)
end

--- Days since 1970 in local time, so that midnight is the border and not 24 hours.
local function day_number(time)
  local parts <const> = os.date("*t", time)
  return os.time({ year = parts.year, month = parts.month, day = parts.day, hour = 12 }) // 86400
end

--- "Today 14:02", "Yesterday 9:30", else the date.
function M.relative(time, now)
  local days <const> = day_number(now) - day_number(time)
  if days == 0 then
    return mosis.locale.text("date.today", { time = clock(time) })
  elseif days == 1 then
    return mosis.locale.text("date.yesterday", { time = clock(time) })
  end
  return os.date(mosis.locale.text("date.pattern"), time)
end

M.clock = clock

return M
