-- Shows every tag with the number of its notes; a tap lists them.

local markup <const> = require("scripts.markup")
local page <const> = require("scripts.page")
local settings <const> = require("scripts.settings")
local store <const> = require("scripts.store")
local tags <const> = require("scripts.tags")

page.ready(function()
  page.frame("nav-tags", "tags.title")
  settings.apply_size(page.element("content"))
  local counted <const> = tags.count(store.all())
  page.label("tags-hint", #counted == 0 and "tags.none" or "tags.hint")
  local parts = {}
  for index, tag in ipairs(counted) do
    parts[index] = string.format('<button id="tag-%d">#%s (%d)</button>', index, markup.escape(tag.name), tag.count)
  end
  page.fill("tag-cloud", table.concat(parts))
  for index, tag in ipairs(counted) do
    page.on_click("tag-" .. index, function() page.list("tag:" .. tag.name) end)
  end
end)
