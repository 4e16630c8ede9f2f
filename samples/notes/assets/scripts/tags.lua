-- Finds the #tags in a note. A tag is a # after a blank or at the start, then letters, digits, - or _.

local markup <const> = require("scripts.markup")

local M = {}

local PATTERN <const> = "%f[%S]#([%w\x80-\xff][%w_\x80-\xff-]*)"
local MAX_LENGTH <const> = 40

--- The tags of a note in the order of their first use, lower case, each once.
function M.of(note)
  local found, seen = {}, {}
  for tag in string.gmatch(note.title .. "\n" .. note.body, PATTERN) do
    local name <const> = string.lower(tag)
    if #name <= MAX_LENGTH and not seen[name] then
      seen[name] = true
      found[#found + 1] = name
    end
  end
  return found
end

function M.has(note, wanted)
  for _, tag in ipairs(M.of(note)) do
    if tag == wanted then
      return true
    end
  end
  return false
end

--- Every tag with the number of its notes, the most used first.
function M.count(notes)
  local counts, names = {}, {}
  for _, note in ipairs(notes) do
    for _, tag in ipairs(M.of(note)) do
      if counts[tag] == nil then
        names[#names + 1] = tag
      end
      counts[tag] = (counts[tag] or 0) + 1
    end
  end
  table.sort(names, function(a, b)
    if counts[a] ~= counts[b] then
      return counts[a] > counts[b]
    end
    return a < b
  end)
  local result = {}
  for index, name in ipairs(names) do
    result[index] = { name = name, count = counts[name] }
  end
  return result
end

--- The tags of a note as small labels.
function M.chips(note)
  local parts = {}
  for _, tag in ipairs(M.of(note)) do
    parts[#parts + 1] = '<span class="chip">#' .. markup.escape(tag) .. "</span>"
  end
  return table.concat(parts)
end

return M
