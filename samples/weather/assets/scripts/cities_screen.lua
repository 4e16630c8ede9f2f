-- Searches for cities by name and manages the saved ones.

local api <const> = require("scripts.api")
local cities <const> = require("scripts.cities")
local markup <const> = require("scripts.markup")
local page <const> = require("scripts.page")

local MIN_LETTERS <const> = 2
local PAUSE_SECONDS <const> = 0.4

local latest = 0

local function label(city)
  if city.country == "" then
    return markup.escape(city.name)
  end
  return markup.escape(city.name .. ", " .. city.country)
end

local function show_saved()
  local saved <const> = cities.all()
  local current <const> = cities.current()
  local rows = {}
  for index, city in ipairs(saved) do
    local chosen <const> = city.id == current.id and " chosen" or ""
    rows[index] = string.format(
      '<div class="row"><button id="saved-%d" class="place%s">%s</button>'
        .. '<button id="remove-%d" class="remove">%s</button></div>',
      index, chosen, label(city), index, markup.escape(mosis.locale.text("cities.remove"))
    )
  end
  page.fill("saved", table.concat(rows))
  for index, city in ipairs(saved) do
    page.on_click("saved-" .. index, function()
      cities.choose(city.id)
      page.forecast()
    end)
    page.on_click("remove-" .. index, function()
      cities.remove(city.id)
      show_saved()
    end)
  end
end

local function show_found(found)
  local rows = {}
  for index, city in ipairs(found) do
    rows[index] = string.format('<button id="found-%d" class="secondary">%s</button>', index, label(city))
  end
  page.fill("found", table.concat(rows))
  for index, city in ipairs(found) do
    page.on_click("found-" .. index, function()
      if cities.add(city) then
        page.forecast()
      else
        page.label("search-state", "cities.full", { count = cities.LIMIT })
      end
    end)
  end
end

local function find(name)
  local mine <const> = latest
  page.label("search-state", "cities.searching")
  api.find_cities(name, function(found, problem)
    -- An answer to letters that were typed over since is not shown.
    if mine ~= latest then
      return
    elseif found == nil then
      page.label("search-state", problem)
    elseif #found == 0 then
      page.label("search-state", "cities.none")
    else
      page.text("search-state", "")
    end
    show_found(found or {})
  end)
end

local function typed(value)
  latest = latest + 1
  local mine <const> = latest
  local name <const> = string.match(value, "^%s*(.-)%s*$")
  if (utf8.len(name) or 0) < MIN_LETTERS then
    page.label("search-state", "cities.short", { count = MIN_LETTERS })
    show_found({})
    return
  end
  mosis.timer.after(PAUSE_SECONDS, function()
    if mine == latest then
      find(name)
    end
  end)
end

page.ready(function()
  page.frame("nav-cities", "cities.title")
  page.label("saved-heading", "cities.saved")
  show_saved()
  local field <const> = page.element("query")
  if field then
    field:set_attribute("placeholder", mosis.locale.text("cities.hint"))
    field:add_event_listener("change", function(event)
      typed(event.parameters.value or "")
    end)
  end
end)
