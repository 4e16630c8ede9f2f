-- Keeps the notes: one storage entry each, so that saving a note never rewrites the others.

local M = {}

local PREFIX <const> = "note:"
local COUNTER <const> = "meta:last_id"

--- Longest title and text, in characters.
M.TITLE_LIMIT = 120
M.BODY_LIMIT = 20000

local function whole(value)
  return math.type(value) == "integer" and value or math.floor(tonumber(value) or 0)
end

--- Reads what is stored, also what an older version or a damaged entry holds; nil where no note can be made of it.
local function parse(text)
  local readable, note = pcall(mosis.json.decode, text)
  if not readable or type(note) ~= "table" or type(note.id) ~= "string" then
    return nil
  end
  return {
    id = note.id,
    title = type(note.title) == "string" and note.title or "",
    body = type(note.body) == "string" and note.body or "",
    pinned = note.pinned == true,
    created = whole(note.created),
    edited = whole(note.edited),
  }
end

local function next_id()
  local last <const> = whole(mosis.storage.get(COUNTER))
  mosis.storage.set(COUNTER, tostring(last + 1))
  return string.format("%06d", last + 1)
end

--- The note with an id, or nil.
function M.get(id)
  local text <const> = mosis.storage.get(PREFIX .. id)
  if text == nil then
    return nil
  end
  return parse(text)
end

--- A note that is not stored yet.
function M.draft(now)
  return { id = "", title = "", body = "", pinned = false, created = now, edited = now }
end

--- True where there is nothing worth keeping.
function M.is_blank(note)
  return not string.find(note.title .. note.body, "%S")
end

--- Characters by which the text is too long, 0 where it fits.
function M.excess(note)
  return math.max(0, (utf8.len(note.body) or #note.body) - M.BODY_LIMIT)
end

--- Stores a note, and gives it an id if it has none. False where the note is too long.
function M.save(note, now)
  if M.excess(note) > 0 then
    return false
  end
  if note.id == "" then
    note.id = next_id()
  end
  note.edited = now
  mosis.storage.set(PREFIX .. note.id, mosis.json.encode(note))
  return true
end

function M.remove(id)
  mosis.storage.remove(PREFIX .. id)
end

local ORDERS <const> = {
  edited = function(a, b) return a.edited > b.edited end,
  created = function(a, b) return a.created > b.created end,
  title = function(a, b) return string.lower(a.title) < string.lower(b.title) end,
}

--- All notes, pinned ones first, then by the order asked for; equal ones by id, so the list never jumps.
function M.all(order)
  local notes = {}
  for _, key in ipairs(mosis.storage.keys()) do
    if string.sub(key, 1, #PREFIX) ~= PREFIX then
      goto continue
    end
    local note = M.get(string.sub(key, #PREFIX + 1))
    if note then
      notes[#notes + 1] = note
    else
      mosis.log.warn("skipped an entry that is no note: " .. key)
    end
    ::continue::
  end
  local before <const> = ORDERS[order] or ORDERS.edited
  table.sort(notes, function(a, b)
    if a.pinned ~= b.pinned then
      return a.pinned
    elseif before(a, b) then
      return true
    elseif before(b, a) then
      return false
    end
    return a.id > b.id
  end)
  return notes
end

--- Removes every note, also what could not be read.
function M.remove_all()
  for _, key in ipairs(mosis.storage.keys()) do
    if string.sub(key, 1, #PREFIX) == PREFIX then
      mosis.storage.remove(key)
    end
  end
end

return M
