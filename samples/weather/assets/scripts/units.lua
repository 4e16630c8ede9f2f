-- Writes temperatures and speeds in the units a person chose. Inside the app everything is metric.

local M = {}

local KEY <const> = "units"

M.CHOICES = { "metric", "imperial" }

--- The chosen units.
function M.current()
  return mosis.storage.get(KEY) == "imperial" and "imperial" or "metric"
end

function M.choose(units)
  mosis.storage.set(KEY, units)
end

local function round(value)
  return math.floor(value + 0.5)
end

--- A temperature given in degrees Celsius.
function M.temperature(celsius)
  if M.current() == "imperial" then
    return round(celsius * 9 / 5 + 32) .. " °F"
  end
  return round(celsius) .. " °C"
end

--- A speed given in kilometres an hour.
function M.speed(kmh)
  if M.current() == "imperial" then
    return round(kmh / 1.609344) .. " mph"
  end
  return round(kmh) .. " km/h"
end

--- Where the wind comes from, as one of eight directions.
function M.direction(degrees)
  local eighth <const> = (round(degrees) * 2 + 45) // 90 & 7
  return mosis.locale.text("wind." .. eighth)
end

return M
