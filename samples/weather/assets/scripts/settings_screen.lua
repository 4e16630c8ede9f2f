-- Lets a person choose the units and delete the saved forecasts.

local cache <const> = require("scripts.cache")
local page <const> = require("scripts.page")
local units <const> = require("scripts.units")

local function show_units()
  for _, choice in ipairs(units.CHOICES) do
    page.set_class("units-" .. choice, "chosen", units.current() == choice)
  end
end

local function show_cache()
  page.label("cache-state", "settings.cache_state", { count = cache.count(), hours = cache.KEEP_HOURS })
end

page.ready(function()
  page.frame("nav-settings", "settings.title")
  page.label("units-heading", "settings.units")
  page.label("cache-heading", "settings.cache")
  page.label("clear-cache", "settings.cache_clear")
  page.label("app-version", "settings.version", { version = mosis.app.version() })
  for _, choice in ipairs(units.CHOICES) do
    page.label("units-" .. choice, "settings.units_" .. choice)
    page.on_click("units-" .. choice, function()
      units.choose(choice)
      show_units()
    end)
  end
  page.on_click("clear-cache", function()
    cache.clear()
    show_cache()
  end)
  show_units()
  show_cache()
end)
