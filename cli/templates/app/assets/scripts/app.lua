-- Connects the screen with the list.

local todo <const> = require("scripts.todo")

local ENTITIES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local typed = ""

-- Text that people type becomes RML only through here.
local function escape(text)
  return (string.gsub(text, "[&<>\"']", ENTITIES))
end

local function element(id)
  return mosis.ui.document():get_element_by_id(id)
end

local function label(id, key, args)
  element(id).inner_rml = escape(mosis.locale.text(key, args))
end

local function show()
  local items <const> = todo.all()
  local rows = {}
  for index, item in ipairs(items) do
    local class <const> = item.done and "item done" or "item"
    rows[index] = string.format('<button id="item-%d" class="%s">%s</button>', index, class, escape(item.text))
  end
  element("items").inner_rml = table.concat(rows)
  for index in ipairs(items) do
    element("item-" .. index):add_event_listener("click", function()
      todo.toggle(index)
      show()
    end)
  end
  if #items == 0 then
    label("summary", "summary.empty")
  else
    label("summary", "summary.open", { count = todo.open_count() })
  end
end

local function add()
  if todo.add(typed) then
    typed = ""
    element("text"):set_attribute("value", "")
    show()
  end
end

local function start()
  label("title", "app.title")
  label("add", "action.add")
  label("clear", "action.clear")
  element("text"):set_attribute("placeholder", mosis.locale.text("text.hint"))
  element("text"):add_event_listener("change", function(event)
    typed = event.parameters.value or ""
  end)
  element("add"):add_event_listener("click", add)
  element("clear"):add_event_listener("click", function()
    todo.clear_done()
    show()
  end)
  show()
end

-- Scripts run while the head is still being read; the elements exist one tick later.
mosis.timer.after(0, start)
