-- Lets a person choose the order and the text size, and delete everything.

local markup <const> = require("scripts.markup")
local page <const> = require("scripts.page")
local settings <const> = require("scripts.settings")
local store <const> = require("scripts.store")

local function show_chosen(name)
  for _, choice in ipairs(settings.choices(name)) do
    page.set_class(name .. "-" .. choice, "chosen", settings.get(name) == choice)
  end
  settings.apply_size(page.element("content"))
end

local function choices(name)
  page.label(name .. "-heading", "settings." .. name)
  for _, choice in ipairs(settings.choices(name)) do
    local id <const> = name .. "-" .. choice
    page.label(id, "settings." .. name .. "_" .. choice)
    page.on_click(id, function()
      settings.set(name, choice)
      show_chosen(name)
    end)
  end
  show_chosen(name)
end

local function show_data()
  page.label("data-heading", "settings.data")
  page.fill("data-summary", markup.escape(page.plural("list.count", #store.all())))
end

page.ready(function()
  page.frame("nav-settings", "settings.title")
  choices("order")
  choices("size")
  show_data()
  page.label("app-version", "settings.version", { version = mosis.app.version() })
  page.on_confirmed("delete-all", "settings.delete_all", "settings.delete_all_confirm", function()
    store.remove_all()
    show_data()
  end)
end)
