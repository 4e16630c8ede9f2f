-- Talks to the weather service and hands on only answers of the shape the app knows.
-- A callback gets the answer, or nil and the key of a text that says what went wrong.

local M = {}

local CONDITIONS <const> = {
  clear = true, partly = true, cloudy = true, rain = true, snow = true, storm = true, fog = true,
}
local MAX_DAYS <const> = 10
local MAX_CITIES <const> = 20

--- Percent-encodes a value for a query.
function M.encode(value)
  return (string.gsub(value, "[^%w%-%._~]", function(byte)
    return string.format("%%%02X", string.byte(byte))
  end))
end

local function number(value, low, high)
  if type(value) ~= "number" or value ~= value then
    return nil
  end
  return math.max(low, math.min(high, value))
end

local function condition(value)
  return CONDITIONS[value] and value or "cloudy"
end

local function parse_day(day)
  if type(day) ~= "table" or type(day.date) ~= "string" then
    return nil
  end
  local year, month, date = string.match(day.date, "^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
  local low <const>, high <const> = number(day.low_c, -100, 100), number(day.high_c, -100, 100)
  if year == nil or low == nil or high == nil then
    return nil
  end
  return {
    time = os.time({ year = tonumber(year), month = tonumber(month), day = tonumber(date), hour = 12 }),
    low = low,
    high = high,
    rain = number(day.rain_percent, 0, 100) or 0,
    condition = condition(day.condition),
  }
end

local function parse_forecast(answer)
  local now <const> = answer.current
  if type(now) ~= "table" or type(answer.days) ~= "table" then
    return nil
  end
  local temperature <const> = number(now.temperature_c, -100, 100)
  if temperature == nil then
    return nil
  end
  local days = {}
  for _, entry in ipairs(answer.days) do
    local day = parse_day(entry)
    if day and #days < MAX_DAYS then
      days[#days + 1] = day
    end
  end
  return {
    temperature = temperature,
    humidity = number(now.humidity, 0, 100) or 0,
    wind = number(now.wind_kmh, 0, 500) or 0,
    wind_degrees = number(now.wind_degrees, 0, 360) or 0,
    condition = condition(now.condition),
    days = days,
  }
end

local function parse_cities(answer)
  if type(answer.cities) ~= "table" then
    return nil
  end
  local cities = {}
  for _, city in ipairs(answer.cities) do
    if type(city) == "table" and type(city.id) == "string" and type(city.name) == "string" and #cities < MAX_CITIES then
      cities[#cities + 1] = {
        id = city.id,
        name = city.name,
        country = type(city.country) == "string" and city.country or "",
      }
    end
  end
  return cities
end

--- Reads a response with a parser and calls back.
local function answer_with(parse, callback)
  return function(response, err)
    if err ~= nil or response == nil then
      mosis.log.warn("the request failed: " .. tostring(err))
      return callback(nil, "error.offline")
    elseif response.status == 404 then
      return callback(nil, "error.unknown_city")
    elseif response.status == 429 or response.status >= 500 then
      return callback(nil, "error.busy")
    end
    local readable, answer = pcall(mosis.json.decode, response.body)
    local parsed = nil
    if response.status == 200 and readable and type(answer) == "table" then
      parsed = parse(answer)
    end
    if parsed == nil then
      mosis.log.error("unreadable answer with status " .. tostring(response.status))
      return callback(nil, "error.answer")
    end
    return callback(parsed)
  end
end

--- Asks for the forecast of a city by its id.
function M.forecast(city_id, callback)
  local query <const> = "?city=" .. M.encode(city_id)
  mosis.net.get("https://api.weather.example/v1/forecast" .. query, answer_with(parse_forecast, callback))
end

--- Asks for cities by the beginning of their name.
function M.find_cities(name, callback)
  local query <const> = "?lang=" .. M.encode(mosis.locale.current()) .. "&name=" .. M.encode(name)
  mosis.net.get("https://api.weather.example/v1/cities" .. query, answer_with(parse_cities, callback))
end

return M
