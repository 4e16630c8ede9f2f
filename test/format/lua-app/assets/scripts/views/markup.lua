-- Turns values into RML that shows exactly them.

local system = require("core.system")

local M = {}

local ENTITIES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

function M.escape(value)
  return (system.text.gsub(tostring(value), '[&<>"]', ENTITIES))
end

function M.tag(name, attributes, ...)
  local out = { "<", name }
  local keys = {}
  for key in pairs(attributes) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    out[#out + 1] = (' %s="%s"'):format(key, M.escape(attributes[key]))
  end
  out[#out + 1] = ">"
  for _, child in ipairs({ ... }) do
    out[#out + 1] = child
  end
  out[#out + 1] = "</" .. name .. ">"
  return table.concat(out)
end

return setmetatable(M, {
  __index = function(_, name)
    return function(attributes, ...)
      return M.tag(name, attributes, ...)
    end
  end,
})
