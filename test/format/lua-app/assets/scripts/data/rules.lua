-- What a person may type. Each rule gives nil, or the name of a message.

local M = {}

local function longer_than(limit)
  return function(text)
    return utf8.len(text) and utf8.len(text) > limit and "too_long" or nil
  end
end

local function required(text)
  return text:match("^%s*$") and "required" or nil
end

local function matches(pattern, message)
  return function(text)
    return not text:find(pattern) and message or nil
  end
end

local RULES <const> = {
  title = { required, longer_than(60) },
  hour = { matches("^%d%d?:%d%d$", "hour") },
  server = { matches("^[%w%.%-]+$", "name") },
}

function M.check(field, text)
  for _, rule in ipairs(RULES[field] or {}) do
    local problem = rule(text)
    if problem then
      return problem
    end
  end
  return nil
end

function M.check_all(form)
  local problems, count = {}, 0
  for field, text in pairs(form) do
    local problem = M.check(field, text)
    if problem then
      problems[field] = problem
      count = count + 1
    end
  end
  return count == 0, problems
end

return M
