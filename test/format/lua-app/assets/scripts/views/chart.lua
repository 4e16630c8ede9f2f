-- A bar for each of the last weeks, drawn by asking for widths only.

local View = require("views.view")
local functional = require("core.functional")
local markup = require("views.markup")
local store = require("data.store")
local system = require("core.system")

local Chart = View:extend("Chart")

local WEEKS <const> = 12

local week_of = functional.memoize(function(day)
  return system.clock.date("%Y-%W", os.time({ year = day:sub(1, 4), month = day:sub(6, 7), day = day:sub(9, 10) }))
end)

local function count_weeks()
  local counts = {}
  for _, habit in ipairs(store.all()) do
    for day in pairs(habit.days) do
      local week = week_of(day)
      counts[week] = (counts[week] or 0) + 1
    end
  end
  return counts
end

function Chart:draw()
  local counts = count_weeks()
  local highest = functional.reduce(functional.map(store.all(), function(habit) return habit:streak() end), math.max, 1)
  local bars, shown = {}, 0
  for week, count in functional.sorted(counts, function(a, b) return a > b end) do
    shown = shown + 1
    if shown > WEEKS then
      goto done
    end
    local width = math.floor(100 * count / math.max(highest, count) + 0.5)
    bars[#bars + 1] = markup.div({ class = "bar", style = "width: " .. width .. "%" }, markup.escape(week))
  end
  ::done::
  self:element().inner_rml = table.concat(bars)
end

return Chart
