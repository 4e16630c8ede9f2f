-- Named events. A listener may remove itself while it is being called.

local M = {}

local listeners = {}

local function remove(list, entry)
  for index = #list, 1, -1 do
    if list[index] == entry then
      table.remove(list, index)
      return true
    end
  end
  return false
end

--- Calls `listener` at each `name`; gives the function that stops it.
function M.on(name, listener, owner)
  local list = listeners[name]
  if not list then
    list = {}
    listeners[name] = list
  end
  local entry = { call = listener, owner = owner }
  list[#list + 1] = entry
  return function()
    return remove(list, entry)
  end
end

function M.once(name, listener)
  local stop
  stop = M.on(name, function(...)
    stop()
    return listener(...)
  end)
  return stop
end

function M.off(owner)
  for _, list in pairs(listeners) do
    for index = #list, 1, -1 do
      if list[index].owner == owner then
        table.remove(list, index)
      end
    end
  end
end

function M.emit(name, ...)
  local list = listeners[name]
  if not list then
    return 0
  end
  local copy = table.move(list, 1, #list, 1, {})
  for _, entry in ipairs(copy) do
    local ok, message = pcall(entry.call, ...)
    if not ok then
      mosis.log.error(string.format("listener of %s: %s", name, tostring(message)))
    end
  end
  return #copy
end

return M
