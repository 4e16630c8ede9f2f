-- What every screen does the same way: texts, fields, navigation and the argument of a screen.

local markup <const> = require("scripts.markup")

local M = {}

local ARGUMENT <const> = "route:argument"

local SCREENS <const> = {
  { id = "nav-list", label = "nav.list", open = function() mosis.ui.navigate("assets/list.rml") end },
  { id = "nav-search", label = "nav.search", open = function() mosis.ui.navigate("assets/search.rml") end },
  { id = "nav-tags", label = "nav.tags", open = function() mosis.ui.navigate("assets/tags.rml") end },
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

--- Puts RML into an element; what a person typed must be escaped before.
function M.fill(id, rml)
  local element = M.element(id)
  if element then
    element.inner_rml = rml
  end
end

--- Shows a text of the locale table.
function M.label(id, key, args)
  M.fill(id, markup.escape(mosis.locale.text(key, args)))
end

--- The text of a key that has a form for one and a form for the rest.
function M.plural(key, count)
  local form <const> = count == 1 and "_one" or "_other"
  return mosis.locale.text(key .. form, { count = count })
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

--- Gives a field its value and placeholder, and calls the listener with each new value.
function M.field(id, value, hint, listener)
  local element = M.element(id)
  if element == nil then
    return
  end
  element:set_attribute("value", value)
  element:set_attribute("placeholder", mosis.locale.text(hint))
  element:add_event_listener("change", function(event)
    listener(event.parameters.value or "")
  end)
end

--- A button that asks once more before it acts.
function M.on_confirmed(id, label, question, act)
  local armed = false
  M.label(id, label)
  M.on_click(id, function()
    armed = not armed
    M.set_class(id, "armed", armed)
    M.label(id, armed and question or label)
    if not armed then
      act()
    end
  end)
end

--- Draws the title and the navigation that all screens share; `may_leave`, where given, can keep the person here.
function M.frame(current, title, may_leave)
  M.label("screen-title", title)
  for _, screen in ipairs(SCREENS) do
    M.label(screen.id, screen.label)
    M.set_class(screen.id, "current", screen.id == current)
    M.on_click(screen.id, function()
      if may_leave == nil or may_leave() then
        mosis.storage.remove(ARGUMENT)
        screen.open()
      end
    end)
  end
end

--- Opens the editor, for a note or, without an id, for a new one.
function M.edit(id)
  mosis.storage.set(ARGUMENT, id or "")
  mosis.ui.navigate("assets/editor.rml")
end

--- Opens the list, optionally with an argument for it.
function M.list(argument)
  mosis.storage.set(ARGUMENT, argument or "")
  mosis.ui.navigate("assets/list.rml")
end

--- What the last screen handed over: "" where nothing was.
function M.argument()
  return mosis.storage.get(ARGUMENT) or ""
end

return M
