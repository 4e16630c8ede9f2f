-- Writes one note. What was typed is kept when the person leaves the screen, and every few seconds in between.

local dates <const> = require("scripts.dates")
local markup <const> = require("scripts.markup")
local page <const> = require("scripts.page")
local settings <const> = require("scripts.settings")
local store <const> = require("scripts.store")

local AUTOSAVE_SECONDS <const> = 5

local note = nil
local changed = false

local function count_words(text)
  local _, words = string.gsub(text, "%S+", "")
  return words
end

local function show_counts()
  local excess <const> = store.excess(note)
  if excess > 0 then
    page.label("note-status", "editor.too_long", { chars = excess })
    return
  end
  local chars <const> = utf8.len(note.body) or #note.body
  page.label("note-status", "editor.words", { words = count_words(note.body), chars = chars })
end

--- Stores the note if there is something new to keep; false where it can't be kept.
local function keep()
  if not changed or store.is_blank(note) then
    return true
  end
  local now <const> = os.time()
  if not store.save(note, now) then
    show_counts()
    return false
  end
  changed = false
  page.fill("note-status", markup.escape(mosis.locale.text("editor.saved", { time = dates.clock(now) })))
  return true
end

local function edit(field)
  return function(value)
    if note[field] ~= value then
      note[field] = value
      changed = true
      show_counts()
    end
  end
end

local function show_pin()
  page.label("note-pin", note.pinned and "editor.unpin" or "editor.pin")
end

page.ready(function()
  local id <const> = page.argument()
  note = id ~= "" and store.get(id) or store.draft(os.time())
  page.frame("nav-list", note.id == "" and "editor.title_new" or "editor.title_edit", keep)
  settings.apply_size(page.element("content"))
  page.field("note-title", note.title, "editor.title_hint", edit("title"))
  page.field("note-body", note.body, "editor.body_hint", edit("body"))
  page.label("note-save", "editor.save")
  show_pin()
  show_counts()

  page.on_click("note-save", function()
    if keep() then
      page.list()
    end
  end)
  page.on_click("note-pin", function()
    note.pinned = not note.pinned
    changed = true
    show_pin()
  end)
  page.on_confirmed("note-delete", "editor.delete", "editor.delete_confirm", function()
    if note.id ~= "" then
      store.remove(note.id)
    end
    changed = false
    page.list()
  end)
  mosis.timer.every(AUTOSAVE_SECONDS, keep)
end)
