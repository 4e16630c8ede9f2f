-- Classes with single inheritance, mixins and readable names.

local Object = {}
Object.__index = Object
Object.name = "Object"

function Object:extend(name)
  local class = {}
  for key, value in pairs(self) do
    if string.sub(key, 1, 2) == "__" then
      class[key] = value
    end
  end
  class.__index = class
  class.super = self
  class.name = name
  return setmetatable(class, self)
end

function Object:mix(...)
  for _, source in ipairs({ ... }) do
    for key, value in pairs(source) do
      if self[key] == nil then
        self[key] = value
      end
    end
  end
  return self
end

function Object:is(class)
  local current = getmetatable(self)
  while current do
    if current == class then
      return true
    end
    current = current.super
  end
  return false
end

function Object:__tostring()
  return "<" .. self.name .. ">"
end

function Object:__call(...)
  local instance = setmetatable({}, self)
  if instance.init then
    instance:init(...)
  end
  return instance
end

return Object
