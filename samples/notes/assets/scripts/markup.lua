-- Turns plain text into RML that shows exactly that text. Everything a person typed passes through here.

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

--- Escapes text and wraps the given byte ranges, sorted and without overlap, in marks.
function M.highlight(text, ranges)
  local parts, position = {}, 1
  for _, range in ipairs(ranges) do
    parts[#parts + 1] = M.escape(string.sub(text, position, range.first - 1))
    parts[#parts + 1] = '<span class="mark">' .. M.escape(string.sub(text, range.first, range.last)) .. "</span>"
    position = range.last + 1
  end
  parts[#parts + 1] = M.escape(string.sub(text, position))
  return table.concat(parts)
end

--- Shortens text to a number of characters, never inside one, and shows that something is missing.
function M.shorten(text, limit)
  local length = utf8.len(text)
  if length == nil then
    return string.sub(text, 1, limit)
  end
  if length <= limit then
    return text
  end
  return string.sub(text, 1, utf8.offset(text, limit + 1) - 1) .. "…"
end

return M
