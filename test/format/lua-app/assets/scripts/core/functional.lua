-- Functions over lists and functions.

local M = {}

local unpack = table.unpack or unpack

function M.map(list, f)
  local result = {}
  for index, value in ipairs(list) do
    result[index] = f(value, index)
  end
  return result
end

function M.filter(list, keeps)
  local result = {}
  for _, value in ipairs(list) do
    if keeps(value) then
      result[#result + 1] = value
    end
  end
  return result
end

function M.reduce(list, f, start)
  local result = start
  for _, value in ipairs(list) do
    result = f(result, value)
  end
  return result
end

function M.memoize(f)
  local cache = setmetatable({}, { __mode = "k" })
  return function(key)
    local value = cache[key]
    if value == nil then
      value = f(key)
      cache[key] = value
    end
    return value
  end
end

function M.bind(f, ...)
  local first = table.pack(...)
  return function(...)
    local all = { unpack(first, 1, first.n) }
    for index = 1, select("#", ...) do
      all[first.n + index] = (select(index, ...))
    end
    return f(unpack(all, 1, first.n + select("#", ...)))
  end
end

function M.sorted(map, before)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys, before)
  local index = 0
  return function()
    index = index + 1
    local key = keys[index]
    return key, map[key]
  end
end

return M
