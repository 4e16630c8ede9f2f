-- Shows the notes that have the words being typed, with the words marked.

local markup <const> = require("scripts.markup")
local page <const> = require("scripts.page")
local search <const> = require("scripts.search")
local settings <const> = require("scripts.settings")
local store <const> = require("scripts.store")

local SNIPPET_LENGTH <const> = 160
local MAX_RESULTS <const> = 50
local PAUSE_SECONDS <const> = 0.2

local notes = {}
local typed = 0

local function marked(text, words)
  return markup.highlight(text, search.ranges(text, words))
end

local function result(note, words)
  local title <const> = note.title ~= "" and note.title or mosis.locale.text("note.untitled")
  local snippet <const> = markup.shorten(search.snippet(note.body, words), SNIPPET_LENGTH)
  return table.concat({
    '<div id="hit-', markup.escape(note.id), '" class="card">',
    '<div class="card-title">', marked(title, words), "</div>",
    '<div class="card-text">', marked(snippet, words), "</div>",
    "</div>",
  })
end

local function show(query)
  local words <const> = search.words(query)
  local hits <const> = search.find(notes, words)
  if #words == 0 then
    page.fill("result-count", "")
  elseif #hits == 0 then
    page.label("result-count", "search.none")
  else
    page.fill("result-count", markup.escape(page.plural("search.found", #hits)))
  end
  local shown <const> = math.min(#hits, MAX_RESULTS)
  local parts = {}
  for index = 1, shown do
    parts[index] = result(hits[index].note, words)
  end
  page.fill("results", table.concat(parts))
  for index = 1, shown do
    local id <const> = hits[index].note.id
    page.on_click("hit-" .. id, function() page.edit(id) end)
  end
end

page.ready(function()
  page.frame("nav-search", "search.title")
  settings.apply_size(page.element("content"))
  notes = store.all(settings.get("order"))
  page.field("query", "", "search.hint", function(query)
    typed = typed + 1
    local mine <const> = typed
    -- Only the last of a burst of letters searches.
    mosis.timer.after(PAUSE_SECONDS, function()
      if mine == typed then
        show(query)
      end
    end)
  end)
end)
