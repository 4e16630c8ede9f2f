-- Long work in small steps, so that the screen stays alive: each task is a coroutine that is resumed on a timer.

local M = {}

local STEP_SECONDS <const> = 0.02

local running = {}
local timer = nil

local function step()
  for index = #running, 1, -1 do
    local task = running[index]
    local ok, value = coroutine.resume(task.thread)
    if not ok then
      mosis.log.warn("task " .. task.name .. ": " .. tostring(value))
    end
    if coroutine.status(task.thread) == "dead" then
      table.remove(running, index)
      if ok and task.done then
        task.done(value)
      end
    end
  end
  if #running == 0 and timer then
    timer:cancel()
    timer = nil
  end
end

function M.start(name, work, done)
  running[#running + 1] = { name = name, thread = coroutine.create(work), done = done }
  timer = timer or mosis.timer.every(STEP_SECONDS, step)
end

--- Calls `visit` with each item, and lets others work after every `batch`.
function M.each(items, batch, visit)
  for index, item in ipairs(items) do
    visit(item, index)
    if index % batch == 0 then
      coroutine.yield(index)
    end
  end
end

function M.forever(name, seconds, work)
  M.start(name, function()
    while true do
      work()
      local resume_at = os.clock() + seconds
      while os.clock() < resume_at do
        coroutine.yield()
      end
    end
  end)
end

return M
