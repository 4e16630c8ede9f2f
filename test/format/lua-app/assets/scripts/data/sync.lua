-- Sends what changed to the server, one request at a time, later again when that fails.

local events = require("core.events")
local store = require("data.store")
local system = require("core.system")
local tasks = require("core.tasks")

local M = {}

local WAIT_SECONDS <const> = { 5, 30, 120 }

local attempt = 0
local pending = false

local HANDLERS <const> = {
  [200] = function(body)
    attempt = 0
    pending = false
    events.emit("sync.done", body)
  end,
  [409] = function()
    events.emit("sync.conflict")
  end,
}

local function retry()
  attempt = math.min(attempt + 1, #WAIT_SECONDS)
  mosis.timer.after(WAIT_SECONDS[attempt], M.send)
end

local function query(fields)
  local parts = {}
  for key, value in pairs(fields) do
    parts[#parts + 1] = key .. "=" .. tostring(value):gsub("[^%w]", function(c)
      return ("%%%02X"):format(c:byte())
    end)
  end
  return table.concat(parts, "&")
end

function M.send()
  if not pending then
    return
  end
  local records = {}
  tasks.start("sync", function()
    tasks.each(store.all(), 25, function(habit)
      records[#records + 1] = habit:dump()
    end)
    return records
  end, function(list)
    system.net.request({
      url = system.API .. "/habits?" .. query({ day = system.today(), count = #list }),
      method = "PUT",
      body = system.json.encode(list),
      done = function(response)
        local handler = HANDLERS[response.status] or retry
        handler(response.body)
      end,
    })
  end)
end

function M.start()
  events.on("store.changed", function()
    pending = true
    M.send()
  end)
  system.net.get(system.API .. "/hello", function(response)
    if response.status ~= 200 then
      retry()
    end
  end)
end

return M
