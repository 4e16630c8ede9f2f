-- Turns plain text into RML that shows exactly that text. All that comes from the network passes through here.

local M = {}

local ENTITIES <const> = {
  ["&"] = "&amp;",
  ["<"] = "&lt;",
  [">"] = "&gt;",
  ['"'] = "&quot;",
  ["'"] = "&#39;",
}

--- Escapes text for element content and for quoted attribute values.
function M.escape(text)
  return (string.gsub(tostring(text), "[&<>\"']", ENTITIES))
end

return M
