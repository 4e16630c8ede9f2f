-- Keeps the last forecast of each city. A fresh one spares a request; an older one is shown without a connection.

local M = {}

local PREFIX <const> = "forecast:"
local FRESH_SECONDS <const> = 15 * 60

--- How long a forecast is kept at all.
M.KEEP_HOURS = 24

local function read(key)
  local text <const> = mosis.storage.get(key)
  if text == nil then
    return nil
  end
  local readable, entry = pcall(mosis.json.decode, text)
  if readable and type(entry) == "table" and type(entry.stored) == "number" and type(entry.forecast) == "table" then
    return entry
  end
  return nil
end

local function keys()
  local found = {}
  for _, key in ipairs(mosis.storage.keys()) do
    if string.sub(key, 1, #PREFIX) == PREFIX then
      found[#found + 1] = key
    end
  end
  return found
end

--- The entry `{ forecast, stored }` of a city and whether it is fresh; nil where none is kept.
function M.get(city_id, now)
  local entry <const> = read(PREFIX .. city_id)
  -- An entry from the future means that the clock was set back: its age is unknown.
  if entry == nil or entry.stored > now or now - entry.stored > M.KEEP_HOURS * 3600 then
    return nil, false
  end
  return entry, now - entry.stored < FRESH_SECONDS
end

function M.put(city_id, forecast, now)
  mosis.storage.set(PREFIX .. city_id, mosis.json.encode({ stored = now, forecast = forecast }))
end

--- Removes what is too old to be shown.
function M.sweep(now)
  for _, key in ipairs(keys()) do
    local entry = read(key)
    if entry == nil or entry.stored > now or now - entry.stored > M.KEEP_HOURS * 3600 then
      mosis.storage.remove(key)
    end
  end
end

function M.count()
  return #keys()
end

function M.clear()
  for _, key in ipairs(keys()) do
    mosis.storage.remove(key)
  end
end

return M
