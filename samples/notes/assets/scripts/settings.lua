-- Keeps what a person chose. An unknown or missing value counts as the first choice.

local M = {}

local CHOICES <const> = {
  order = { "edited", "created", "title" },
  size = { "normal", "small", "large" },
}

--- The choices of a setting; the first one is the default.
function M.choices(name)
  return CHOICES[name]
end

function M.get(name)
  local stored <const> = mosis.storage.get("setting:" .. name)
  for _, choice in ipairs(CHOICES[name]) do
    if choice == stored then
      return choice
    end
  end
  return CHOICES[name][1]
end

function M.set(name, choice)
  mosis.storage.set("setting:" .. name, choice)
end

--- Applies the text size to the screen that is open.
function M.apply_size(element)
  local chosen <const> = M.get("size")
  for _, size in ipairs(CHOICES.size) do
    element:set_class("size-" .. size, size == chosen)
  end
end

return M
