-- What every screen does the same way: texts, clicks and the navigation.

local markup <const> = require("scripts.markup")

local M = {}

local SCREENS <const> = {
  { id = "nav-forecast", label = "nav.forecast", open = function() mosis.ui.navigate("assets/forecast.rml") end },
  { id = "nav-cities", label = "nav.cities", open = function() mosis.ui.navigate("assets/cities.rml") end },
  { id = "nav-settings", label = "nav.settings", open = function() mosis.ui.navigate("assets/settings.rml") end },
}

--- Runs a function once the elements of the screen exist: scripts run while the head is still being read.
function M.ready(start)
  mosis.timer.after(0, start)
end

--- The element with an id, or nil with a line in the log.
function M.element(id)
  local element = mosis.ui.document():get_element_by_id(id)
  if element == nil then
    mosis.log.warn("no element with the id " .. id)
  end
  return element
end

--- Puts RML into an element; foreign text must be escaped before.
function M.fill(id, rml)
  local element = M.element(id)
  if element then
    element.inner_rml = rml
  end
end

--- Shows text as it is.
function M.text(id, text)
  M.fill(id, markup.escape(text))
end

--- Shows a text of the locale table.
function M.label(id, key, args)
  M.text(id, mosis.locale.text(key, args))
end

function M.set_class(id, name, on)
  local element = M.element(id)
  if element then
    element:set_class(name, on)
  end
end

function M.on_click(id, listener)
  local element = M.element(id)
  if element then
    element:add_event_listener("click", listener)
  end
end

--- Draws the title and the navigation that all screens share.
function M.frame(current, title)
  M.label("screen-title", title)
  for _, screen in ipairs(SCREENS) do
    M.label(screen.id, screen.label)
    M.set_class(screen.id, "current", screen.id == current)
    M.on_click(screen.id, screen.open)
  end
end

--- Opens the first screen.
function M.forecast()
  mosis.ui.navigate("assets/forecast.rml")
end

return M
