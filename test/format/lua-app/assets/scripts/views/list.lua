-- The list of habits with today's marks.

local View = require("views.view")
local events = require("core.events")
local markup = require("views.markup")
local rules = require("data.rules")
local store = require("data.store")

local List = View:extend("List")

local ORDERS <const> = {
  title = function(a, b) return a.title < b.title end,
  streak = function(a, b) return a:streak() > b:streak() end,
}

function List:init(id)
  List.super.init(self, id)
  self.order = "title"
  events.on("store.changed", function() self:invalidate() end, self)
end

local function row(habit)
  local streak = habit:streak()
  return markup.tag("div", { id = "habit-" .. habit.id, class = streak > 0 and "row on" or "row" },
    markup.span({ class = "title" }, markup.escape(habit.title)),
    markup.span({ class = "streak" }, ("%d"):format(streak)))
end

function List:draw()
  local habits = table.move(store.all(), 1, #store.all(), 1, {})
  table.sort(habits, ORDERS[self.order])
  local rows = {}
  for index, habit in ipairs(habits) do
    rows[index] = row(habit)
  end
  self:element().inner_rml = table.concat(rows, "\n")
  for _, habit in ipairs(habits) do
    self:listen("habit-" .. habit.id, "click", function() store.toggle(habit.id) end)
  end
end

function List:add(form)
  local ok, problems = rules.check_all(form)
  if ok then
    return store.add(form.title, form.kind)
  end
  for field, problem in pairs(problems) do
    self:element("problem-" .. field).inner_rml = markup.escape(mosis.locale.text("problem." .. problem))
  end
  return nil
end

return List
