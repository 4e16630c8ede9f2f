-- Finds notes by words. Every word must occur; hits in the title count more, and more so at the start of a word.

local M = {}

local TITLE_WEIGHT <const> = 5
local WORD_START_WEIGHT <const> = 2
local MAX_WORDS <const> = 8
local SNIPPET_BEFORE <const> = 40

-- Capital letters beyond ASCII in the languages of the app; each pair has the same length in bytes, so places agree.
local LOWER <const> = {
  ["Ä"] = "ä", ["Ö"] = "ö", ["Ü"] = "ü",
  ["Á"] = "á", ["É"] = "é", ["Í"] = "í", ["Ó"] = "ó", ["Ú"] = "ú", ["Ñ"] = "ñ",
}

--- Lower case without changing where a byte is.
function M.fold(text)
  return (string.gsub(string.lower(text), "\xc3[\x80-\xbf]", LOWER))
end

--- The words of a query, each once, lower case.
function M.words(query)
  local words, seen = {}, {}
  for word in string.gmatch(M.fold(query), "%S+") do
    if not seen[word] and #words < MAX_WORDS then
      seen[word] = true
      words[#words + 1] = word
    end
  end
  return words
end

local function score_in(text, word)
  local points = 0
  local first, last = string.find(text, word, 1, true)
  while first do
    local before <const> = first == 1 and " " or string.sub(text, first - 1, first - 1)
    points = points + (string.find(before, "[%s%p]") and WORD_START_WEIGHT or 1)
    first, last = string.find(text, word, last + 1, true)
  end
  return points
end

local function score(note, words)
  local title <const>, body <const> = M.fold(note.title), M.fold(note.body)
  local total = 0
  for _, word in ipairs(words) do
    local here <const> = TITLE_WEIGHT * score_in(title, word) + score_in(body, word)
    if here == 0 then
      return 0
    end
    total = total + here
  end
  return total
end

--- Notes that have every word, the best first.
function M.find(notes, words)
  local hits = {}
  if #words == 0 then
    return hits
  end
  for place, note in ipairs(notes) do
    local points <const> = score(note, words)
    if points > 0 then
      hits[#hits + 1] = { note = note, points = points, place = place }
    end
  end
  table.sort(hits, function(a, b)
    if a.points ~= b.points then
      return a.points > b.points
    end
    return a.place < b.place
  end)
  return hits
end

--- Where the words occur in a text, as byte ranges, sorted and without overlap.
function M.ranges(text, words)
  local folded <const> = M.fold(text)
  local found = {}
  for _, word in ipairs(words) do
    local first, last = string.find(folded, word, 1, true)
    while first do
      found[#found + 1] = { first = first, last = last }
      first, last = string.find(folded, word, last + 1, true)
    end
  end
  table.sort(found, function(a, b) return a.first < b.first end)
  local merged = {}
  for _, range in ipairs(found) do
    local previous <const> = merged[#merged]
    if previous and range.first <= previous.last + 1 then
      previous.last = math.max(previous.last, range.last)
    else
      merged[#merged + 1] = range
    end
  end
  return merged
end

--- The part of a text around its first hit, cut between characters.
function M.snippet(text, words)
  local first <const> = M.ranges(text, words)[1]
  if first == nil or first.first <= SNIPPET_BEFORE then
    return text
  end
  local start = first.first - SNIPPET_BEFORE
  while start < first.first and string.byte(text, start) & 0xC0 == 0x80 do
    start = start + 1
  end
  return "…" .. string.sub(text, start)
end

return M
