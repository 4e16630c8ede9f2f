-- The first screen: all notes as cards, or those of one tag.

local dates <const> = require("scripts.dates")
local markup <const> = require("scripts.markup")
local page <const> = require("scripts.page")
local settings <const> = require("scripts.settings")
local store <const> = require("scripts.store")
local tags <const> = require("scripts.tags")

local PREVIEW_LENGTH <const> = 120

local function card(note, now)
  local title <const> = note.title ~= "" and note.title or mosis.locale.text("note.untitled")
  return table.concat({
    '<div id="note-', markup.escape(note.id), '" class="card', note.pinned and " pinned" or "", '">',
    '<div class="card-title">', markup.escape(title), "</div>",
    '<div class="card-text">', markup.escape(markup.shorten(note.body, PREVIEW_LENGTH)), "</div>",
    '<div class="muted">', markup.escape(dates.relative(note.edited, now)), "</div>",
    tags.chips(note),
    "</div>",
  })
end

local function select_notes()
  local notes = store.all(settings.get("order"))
  local tag <const> = string.match(page.argument(), "^tag:(.+)$")
  if tag then
    local tagged = {}
    for _, note in ipairs(notes) do
      if tags.has(note, tag) then
        tagged[#tagged + 1] = note
      end
    end
    notes = tagged
    page.fill("filter", '<button id="show-all" class="secondary"></button>')
    page.label("show-all", "tags.filter", { tag = tag })
    page.on_click("show-all", function() page.list() end)
  end
  return notes
end

local function show_notes(notes)
  if #notes == 0 then
    page.fill("notes", '<p class="empty">' .. markup.escape(mosis.locale.text("list.empty")) .. "</p>")
    return
  end
  local now <const> = os.time()
  local cards = {}
  for index, note in ipairs(notes) do
    cards[index] = card(note, now)
  end
  page.fill("notes", table.concat(cards))
  for _, note in ipairs(notes) do
    page.on_click("note-" .. note.id, function() page.edit(note.id) end)
  end
end

page.ready(function()
  page.frame("nav-list", "list.title")
  settings.apply_size(page.element("content"))
  local notes <const> = select_notes()
  page.fill("screen-note", markup.escape(page.plural("list.count", #notes)))
  page.label("new-note", "list.new")
  page.on_click("new-note", function() page.edit() end)
  show_notes(notes)
end)
