-- The first screen: the weather now and the next days of the chosen city.

local api <const> = require("scripts.api")
local cache <const> = require("scripts.cache")
local cities <const> = require("scripts.cities")
local markup <const> = require("scripts.markup")
local page <const> = require("scripts.page")
local units <const> = require("scripts.units")

local REFRESH_SECONDS <const> = 30 * 60

local loading = false

local function clock(time)
  return os.date(mosis.locale.text("date.clock"), time)
end

local function day_name(time, now)
  if os.date("%Y-%m-%d", time) == os.date("%Y-%m-%d", now) then
    return mosis.locale.text("forecast.today")
  end
  return mosis.locale.text("weekday." .. os.date("*t", time).wday)
end

local function day_row(day, now)
  local range <const> = mosis.locale.text("forecast.range", {
    low = units.temperature(day.low),
    high = units.temperature(day.high),
  })
  local rain <const> = mosis.locale.text("forecast.rain", { percent = math.floor(day.rain) })
  return table.concat({
    '<div class="day">',
    '<img src="images/', markup.escape(day.condition), '.png" />',
    '<div class="name">', markup.escape(day_name(day.time, now)), "</div>",
    '<div class="rain">', markup.escape(rain), "</div>",
    '<div class="range">', markup.escape(range), "</div>",
    "</div>",
  })
end

local function show(forecast, now)
  local image = page.element("now-image")
  if image then
    image:set_attribute("src", "images/" .. forecast.condition .. ".png")
  end
  page.text("now-temperature", units.temperature(forecast.temperature))
  page.label("now-condition", "condition." .. forecast.condition)
  page.label("now-details", "forecast.details", {
    humidity = math.floor(forecast.humidity),
    wind = units.speed(forecast.wind),
    direction = units.direction(forecast.wind_degrees),
  })
  local rows = {}
  for index, day in ipairs(forecast.days) do
    rows[index] = day_row(day, now)
  end
  page.fill("days", table.concat(rows))
end

local function fetch(city)
  if loading then
    return
  end
  loading = true
  page.label("notice", "forecast.loading")
  api.forecast(city.id, function(forecast, problem)
    loading = false
    local now <const> = os.time()
    if forecast then
      cache.put(city.id, forecast, now)
      show(forecast, now)
      page.label("screen-note", "forecast.updated", { time = clock(now) })
      page.text("notice", "")
      return
    end
    local kept <const> = cache.get(city.id, now)
    if kept and problem == "error.offline" then
      page.label("notice", "forecast.stale", { time = clock(kept.stored) })
    else
      page.label("notice", problem)
    end
  end)
end

page.ready(function()
  page.frame("nav-forecast", "forecast.title")
  page.label("refresh", "forecast.refresh")
  local city <const> = cities.current()
  page.set_class("now", "hidden", city == nil)
  page.set_class("refresh", "hidden", city == nil)
  if city == nil then
    page.label("notice", "forecast.no_city")
    return
  end

  page.text("screen-title", city.name)
  local now <const> = os.time()
  cache.sweep(now)
  local kept <const>, fresh <const> = cache.get(city.id, now)
  if kept then
    show(kept.forecast, now)
    page.label("screen-note", "forecast.updated", { time = clock(kept.stored) })
  end
  if not fresh then
    fetch(city)
  end
  page.on_click("refresh", function() fetch(city) end)
  mosis.timer.every(REFRESH_SECONDS, function() fetch(city) end)
end)
