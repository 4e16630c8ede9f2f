-- Keeps the habits in the app's own storage, and the last steps for undo.

local Habit = require("data.habit")
local events = require("core.events")
local functional = require("core.functional")
local system = require("core.system")

local M = {}

local KEY <const> = "habits"
local MAX_STEPS <const> = 20

local habits = nil
local steps = {}

local function read()
  local text = system.store.get(KEY)
  if not text then
    return {}
  end
  local ok, records = pcall(system.json.decode, text)
  if not ok or type(records) ~= "table" then
    mosis.log.warn("the stored habits cannot be read")
    return {}
  end
  return functional.map(records, Habit.load)
end

local function write()
  system.store.set(KEY, system.json.encode(functional.map(habits, function(habit) return habit:dump() end)))
  events.emit("store.changed", #habits)
end

function M.all()
  habits = habits or read()
  return habits
end

function M.find(id)
  for index, habit in ipairs(M.all()) do
    if habit.id == id then
      return habit, index
    end
  end
  return nil
end

local function change(name, redo, undo)
  redo()
  steps[#steps + 1] = { name = name, undo = undo }
  if #steps > MAX_STEPS then
    table.remove(steps, 1)
  end
  write()
end

function M.add(title, kind)
  local habit = Habit({ id = tostring(system.now()) .. "-" .. #M.all(), title = title, kind = kind })
  change("add", function()
    table.insert(M.all(), habit)
  end, function()
    local _, index = M.find(habit.id)
    table.remove(habits, index)
  end)
  return habit
end

function M.remove(id)
  local habit, index = M.find(id)
  if not habit then
    return false
  end
  change("remove", function()
    table.remove(habits, index)
  end, function()
    table.insert(habits, index, habit)
  end)
  return true
end

function M.toggle(id, day)
  local habit = M.find(id)
  if habit then
    local toggle = functional.bind(habit.toggle, habit, day or system.today())
    change("toggle", toggle, toggle)
  end
end

function M.undo()
  local step = table.remove(steps)
  if not step then
    return nil
  end
  step.undo()
  write()
  return step.name
end

return M
