-- Puts the screens together and lets one of them be seen.

local events = require("core.events")
local store = require("data.store")
local sync = require("data.sync")
local tasks = require("core.tasks")

local screens <const> = {
  list = require("views.list"),
  chart = require("views.chart"),
}

local open = {}
local current = nil

local function show(name, ...)
  local class = screens[name]
  if not class then
    mosis.log.warn("no screen " .. tostring(name))
    return false
  end
  if current then
    current:hide()
  end
  open[name] = open[name] or class(name, ...)
  current = open[name]
  current:show()
  return true
end

local keys <const> = {
  l = function() return show("list") end,
  c = function() return show("chart") end,
  z = store.undo,
  q = function() mosis.app.close() end,
}

function on_key(event)
  local action = keys[event.parameters.key]
  if action then
    action()
  end
end

function on_load(document)
  for _, name in ipairs({ "list", "chart" }) do
    document:get_element_by_id("nav-" .. name):add_event_listener("click", function() show(name) end)
  end
  show(mosis.storage.get("screen") or "list")
end

events.on("sync.conflict", function()
  mosis.notify.show({ title = mosis.locale.text("conflict.title"), text = mosis.locale.text("conflict.text") })
end)

sync.start()
tasks.forever("clock", 60, function()
  if current then
    current:invalidate()
  end
end)
