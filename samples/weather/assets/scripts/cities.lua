-- Keeps the saved cities, in the order they were added, and which one is shown.

local M = {}

--- How many cities can be saved.
M.LIMIT = 8

local LIST <const> = "cities"
local CURRENT <const> = "city"

--- The saved cities.
function M.all()
  local text <const> = mosis.storage.get(LIST)
  if text == nil then
    return {}
  end
  local readable, list = pcall(mosis.json.decode, text)
  local cities = {}
  if readable and type(list) == "table" then
    for _, city in ipairs(list) do
      if type(city) == "table" and type(city.id) == "string" and type(city.name) == "string" then
        cities[#cities + 1] = { id = city.id, name = city.name, country = city.country or "" }
      end
    end
  end
  return cities
end

--- The city that is shown: the chosen one, else the first; nil where none is saved.
function M.current()
  local cities <const> = M.all()
  local chosen <const> = mosis.storage.get(CURRENT)
  for _, city in ipairs(cities) do
    if city.id == chosen then
      return city
    end
  end
  return cities[1]
end

function M.choose(id)
  mosis.storage.set(CURRENT, id)
end

--- Saves a city and chooses it; false where the list is full.
function M.add(city)
  local cities = M.all()
  for _, saved in ipairs(cities) do
    if saved.id == city.id then
      M.choose(city.id)
      return true
    end
  end
  if #cities >= M.LIMIT then
    return false
  end
  cities[#cities + 1] = city
  mosis.storage.set(LIST, mosis.json.encode(cities))
  M.choose(city.id)
  return true
end

function M.remove(id)
  local kept = {}
  for _, city in ipairs(M.all()) do
    if city.id ~= id then
      kept[#kept + 1] = city
    end
  end
  mosis.storage.set(LIST, mosis.json.encode(kept))
end

return M
