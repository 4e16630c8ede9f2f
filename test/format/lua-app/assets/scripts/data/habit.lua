-- A habit and the days on which it was kept.

local Object = require("core.class")
local system = require("core.system")

local Habit = Object:extend("Habit")

local KINDS <const> = { daily = true, weekly = true, load = true }

function Habit:init(fields)
  self.id = fields.id
  self.title = fields.title
  self.kind = KINDS[fields.kind] and fields.kind or "daily"
  self.days = fields.days or {}
  self.debug = fields.debug
end

function Habit:toggle(day)
  self.days[day] = not self.days[day] or nil
  return self.days[day] == true
end

function Habit:streak()
  local day, length = system.today(), 0
  if not self.days[day] then
    day = system.day_before(day)
  end
  while self.days[day] do
    length = length + 1
    day = system.day_before(day)
  end
  return length
end

function Habit:dump()
  local days = {}
  for day in pairs(self.days) do
    days[#days + 1] = day
  end
  table.sort(days)
  return { id = self.id, title = self.title, kind = self.kind, days = days }
end

function Habit.load(record)
  local days = {}
  for _, day in ipairs(record.days or {}) do
    days[day] = true
  end
  return Habit({ id = record.id, title = record.title, kind = record.kind, days = days })
end

return Habit
