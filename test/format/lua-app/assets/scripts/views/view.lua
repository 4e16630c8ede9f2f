-- What all screens share: finding elements, listening, redrawing once for many changes.

local Object = require("core.class")
local events = require("core.events")

local View = Object:extend("View")

View:mix({
  show = function(self)
    self.visible = true
    self:invalidate()
  end,
  hide = function(self)
    self.visible = false
    events.off(self)
  end,
})

function View:init(id)
  self.id = id
  self.dirty = false
end

function View:element(id)
  local document = mosis.ui.document()
  return document:get_element_by_id(id or self.id) or error("no element " .. tostring(id or self.id))
end

function View:listen(id, kind, handler)
  self:element(id):add_event_listener(kind, function(event)
    handler(self, event)
  end)
end

function View:invalidate()
  if self.dirty then
    return
  end
  self.dirty = true
  mosis.timer.after(0, function()
    self.dirty = false
    if self.visible then
      self:draw()
    end
  end)
end

function View:draw()
  error(self.name .. " does not draw")
end

return View
