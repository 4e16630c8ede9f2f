-- The few things of the system that the app uses, in one place, so that tests can stand in for them.

local M = {}

M.clock = os
M.text = string
M.store = mosis.storage
M.net = mosis.net
M.json = mosis.json

M.API = "https://habits.example.org/v1"

function M.now()
  return M.clock.time()
end

function M.today()
  return M.clock.date("%Y-%m-%d", M.now())
end

function M.day_before(day)
  local year, month, date = day:match("^(%d+)%-(%d+)%-(%d+)$")
  local noon = M.clock.time({ year = tonumber(year), month = tonumber(month), day = tonumber(date) - 1, hour = 12 })
  return M.clock.date("%Y-%m-%d", noon)
end

return M
