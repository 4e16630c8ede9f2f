-- Keeps the list of things to do. It knows no screen.

local M = {}

local KEY <const> = "items"

--- Most things the list holds.
M.LIMIT = 200

local function save(items)
  mosis.storage.set(KEY, mosis.json.encode(items))
end

--- All things, in the order they were added: `{ text, done }`.
function M.all()
  local stored <const> = mosis.storage.get(KEY)
  if stored == nil then
    return {}
  end
  local readable, items = pcall(mosis.json.decode, stored)
  if not readable or type(items) ~= "table" then
    mosis.log.warn("the stored list is damaged; starting with an empty one")
    return {}
  end
  return items
end

--- Adds a thing; false where the text is blank or the list is full.
function M.add(text)
  local items = M.all()
  local trimmed <const> = string.match(text, "^%s*(.-)%s*$")
  if trimmed == "" or #items >= M.LIMIT then
    return false
  end
  items[#items + 1] = { text = trimmed, done = false }
  save(items)
  return true
end

--- Marks a thing as done, or as open again.
function M.toggle(index)
  local items = M.all()
  if items[index] then
    items[index].done = not items[index].done
    save(items)
  end
end

--- Removes what is done.
function M.clear_done()
  local kept = {}
  for _, item in ipairs(M.all()) do
    if not item.done then
      kept[#kept + 1] = item
    end
  end
  save(kept)
end

--- How many things are still open.
function M.open_count()
  local count = 0
  for _, item in ipairs(M.all()) do
    if not item.done then
      count = count + 1
    end
  end
  return count
end

return M
