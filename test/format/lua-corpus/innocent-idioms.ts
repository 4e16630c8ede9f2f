/** Owns the innocent cases that are written as apps really write them: classes, events, parsers, modules of several files. */
import { type Case, innocent, inPackage } from './case.ts';

function packages(technique: string, cases: readonly ReturnType<typeof inPackage>[]): Case[] {
  return cases.map((entry) => ({ technique, ...entry }));
}

export const INNOCENT_IDIOMS: readonly Case[] = [
  ...innocent('classes', [
    `local Point = {}
Point.__index = Point
function Point.new(x, y) return setmetatable({ x = x, y = y }, Point) end
function Point:length() return math.sqrt(self.x ^ 2 + self.y ^ 2) end
print(Point.new(3, 4):length())`,
    `local Base = {}
Base.__index = Base
function Base:extend()
  local cls = {}
  for k, v in pairs(self) do if k:find("__") == 1 then cls[k] = v end end
  cls.__index = cls
  cls.super = self
  return setmetatable(cls, self)
end
function Base:is(T)
  local mt = getmetatable(self)
  while mt do
    if mt == T then return true end
    mt = getmetatable(mt)
  end
  return false
end
function Base:__call(...)
  local obj = setmetatable({}, self)
  obj:new(...)
  return obj
end
return Base`,
    `local function class(parent)
  local c = { __index = nil }
  c.__index = c
  return setmetatable(c, { __index = parent, __call = function(cls, ...)
    local o = setmetatable({}, cls)
    if cls.init then cls.init(o, ...) end
    return o
  end })
end
local Animal = class()
function Animal:init(name) self.name = name end
local Dog = class(Animal)
function Dog:speak() return self.name .. " says woof" end
print(Dog("Rex"):speak())`,
    `local Stack = {}
Stack.__index = Stack
Stack.__len = function(s) return s.size end
Stack.__tostring = function(s) return "Stack(" .. s.size .. ")" end
Stack.__eq = function(a, b) return a.size == b.size end
function Stack.new() return setmetatable({ size = 0, items = {} }, Stack) end
function Stack:push(v) self.size = self.size + 1; self.items[self.size] = v end
function Stack:pop() local v = self.items[self.size]; self.items[self.size] = nil; self.size = self.size - 1; return v end
return Stack`,
    `local Loader = {}
Loader.__index = Loader
function Loader.load(name) return name end
function Loader:require(name) return self.load(name) end
function Loader:dump() return self.debug end
local l = setmetatable({ io = 1, os = 2, debug = 3 }, Loader)
print(l:require("x"), l:dump(), l.io, l.os)`,
    `local Vec = {}
local mt = { __index = Vec }
mt.__add = function(a, b) return setmetatable({ a[1] + b[1] }, mt) end
mt.__unm = function(a) return setmetatable({ -a[1] }, mt) end
function Vec.of(x) return setmetatable({ x }, mt) end
return setmetatable(Vec, { __call = function(_, x) return Vec.of(x) end })`,
    `local Account = { balance = 0 }
function Account:new(o)
  o = o or {}
  self.__index = self
  setmetatable(o, self)
  return o
end
local Special = Account:new({ limit = 100 })
function Special:withdraw(v) if v - self.balance >= self.limit then error("limit") end end
Special:new():withdraw(10)`,
    `local super = getmetatable(object).__index
super.draw(object)
super.update(object, dt)`,
    `local Child = setmetatable({}, { __index = Parent })
Child.__index = Child
function Child:draw() Parent.draw(self) end`,
    `local proxy = setmetatable({}, {
  __index = function(_, k) return target[k] end,
  __newindex = function(_, k, v) log(k, v) target[k] = v end,
  __pairs = function() return next, target, nil end,
})
return proxy`,
  ]),
  ...innocent('mixins and copies', [
    `local function mixin(target, ...)
  for _, source in ipairs({ ... }) do
    for k, v in pairs(source) do target[k] = v end
  end
  return target
end
local M = mixin({}, { a = 1 }, { b = 2 })`,
    `local function deepcopy(o, seen)
  seen = seen or {}
  if type(o) ~= "table" then return o end
  if seen[o] then return seen[o] end
  local copy = {}
  seen[o] = copy
  for k, v in next, o, nil do copy[deepcopy(k, seen)] = deepcopy(v, seen) end
  return setmetatable(copy, getmetatable(o))
end
return deepcopy`,
    `local function readonly(t)
  return setmetatable({}, { __index = t, __newindex = function() error("read only", 2) end, __metatable = false })
end
local colors = readonly({ red = 1 })`,
    `local function defaults(t, d) for k, v in pairs(d) do if t[k] == nil then t[k] = v end end return t end
local o = defaults(options or {}, { load = true, debug = false, io = "x" })`,
    'local copy = table.move(list, 1, #list, 1, {})',
    'local args = table.pack(...) for i = 1, args.n do print(args[i]) end',
  ]),
  ...innocent('events and callbacks', [
    `local Bus = {}
Bus.__index = Bus
function Bus.new() return setmetatable({ listeners = {} }, Bus) end
function Bus:on(name, f)
  local list = self.listeners[name] or {}
  self.listeners[name] = list
  list[#list + 1] = f
  return function() for i, g in ipairs(list) do if g == f then table.remove(list, i) break end end end
end
function Bus:emit(name, ...) for _, f in ipairs(self.listeners[name] or {}) do f(...) end end
local bus = Bus.new()
bus:on("load", function(x) print(x) end)
bus:emit("load", 1)`,
    'el:add_event_listener("click", function(event) go(event.target_element.id) end)',
    'local function on_click(event) count = count + 1 end el:add_event_listener("click", on_click, true)',
    'for name, handler in pairs(handlers) do document:add_event_listener(name, handler) end',
    'el:add_event_listener(kind, handlers[kind])',
    `local function once(f)
  local done = false
  return function(...)
    if done then return end
    done = true
    return f(...)
  end
end
local start = once(function() print("start") end)`,
    `local function debounce(seconds, f)
  local timer
  return function(...)
    local args = table.pack(...)
    if timer then timer:cancel() end
    timer = mosis.timer.after(seconds, function() f(table.unpack(args, 1, args.n)) end)
  end
end
return debounce`,
    `local queue = { first = 1, last = 0 }
local function push(job) queue.last = queue.last + 1 queue[queue.last] = job end
local function run() while queue.first <= queue.last do local j = queue[queue.first] queue[queue.first] = nil queue.first = queue.first + 1 j() end end
push(run)`,
  ]),
  ...innocent('dispatch and state', [
    `local actions = { load = function(s) return s end, exit = function() return nil end, execute = print }
local action = actions[command]
if action then action(argument) end`,
    `local ops = { ["+"] = function(a, b) return a + b end, ["-"] = function(a, b) return a - b end }
local function eval(t) if type(t) == "number" then return t end return ops[t.op](eval(t[1]), eval(t[2])) end
print(eval({ op = "+", 1, 2 }))`,
    `local machine = { state = "idle" }
local transitions = { idle = { start = "running" }, running = { stop = "idle", pause = "paused" }, paused = {} }
function machine:fire(event)
  local next_state = transitions[self.state][event]
  if not next_state then return false end
  self.state = next_state
  local hook = self["on_" .. next_state]
  if hook then hook(self) end
  return true
end
return machine`,
    `local screens = {}
local function show(name, ...) local s = screens[name] or error("no screen " .. name) return s.show(...) end
screens.home = { show = function() return 1 end }
show("home")`,
    `local commands = setmetatable({}, { __index = function(_, name) return function() print("no command " .. name) end end })
commands[input]()`,
    `local switch = { [1] = "one", [2] = "two", [true] = "yes" } print(switch[n] or "many", switch[flag])`,
    `local routes = { { "^/note/(%d+)$", function(id) open(id) end } }
for _, r in ipairs(routes) do local id = path:match(r[1]) if id then r[2](id) end end`,
    'local key = "on_" .. event.type if self[key] then self[key](self, event) end',
  ]),
  ...innocent('functions of functions', [
    `local function memoize(f)
  local cache = {}
  return function(x)
    local v = cache[x]
    if v == nil then v = f(x) cache[x] = v end
    return v
  end
end
local fib
fib = memoize(function(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end)
print(fib(30))`,
    `local function compose(...)
  local fs = { ... }
  return function(x) for i = #fs, 1, -1 do x = fs[i](x) end return x end
end
print(compose(math.floor, tonumber)("1.5"))`,
    `local function curry(f, n) n = n or 2 if n <= 1 then return f end return function(a) return curry(function(...) return f(a, ...) end, n - 1) end end
curry(print, 3)`,
    'local function map(t, f) local r = {} for i, v in ipairs(t) do r[i] = f(v) end return r end map(names, string.upper)',
    'local function filter(t, p) local r = {} for _, v in ipairs(t) do if p(v) then r[#r + 1] = v end end return r end return filter',
    'local function reduce(t, f, acc) for _, v in ipairs(t) do acc = f(acc, v) end return acc end print(reduce(list, math.max, 0))',
    'local function partial(f, ...) local a = { ... } return function(...) return f(table.unpack(a), ...) end end',
    'local function try(f, ...) local r = table.pack(pcall(f, ...)) if not r[1] then report(r[2]) end return table.unpack(r, 1, r.n) end',
    'local last = select(-1, ...) local n = select("#", ...)',
    `local function retry(times, f) for i = 1, times do local ok, v = pcall(f) if ok then return v end end error("gave up") end
retry(3, function() return mosis.json.decode(text) end)`,
    'local f = assert(handlers[name], "no handler") f()',
    'table.sort(list, function(a, b) return a.time > b.time end)',
  ]),
  ...innocent('iterators and coroutines', [
    `local function range(n) local i = 0 return function() i = i + 1 if i <= n then return i end end end
for i in range(3) do print(i) end`,
    `local function values(t) return coroutine.wrap(function() for _, v in ipairs(t) do coroutine.yield(v) end end) end
for v in values({ 1, 2 }) do print(v) end`,
    `local co = coroutine.create(function(a) while true do local b = coroutine.yield(a) a = a + b end end)
print(coroutine.resume(co, 1))`,
    `local function sorted(t) local keys = {} for k in pairs(t) do keys[#keys + 1] = k end table.sort(keys) local i = 0 return function() i = i + 1 return keys[i], t[keys[i]] end end
for k, v in sorted(settings) do print(k, v) end`,
    `local function permute(a, n) if n == 0 then coroutine.yield(a) else for i = 1, n do a[n], a[i] = a[i], a[n] permute(a, n - 1) a[n], a[i] = a[i], a[n] end end end
return permute`,
    'for word in text:gmatch("%a+") do words[#words + 1] = word end',
    'for line, rest in string.gmatch(text, "([^\\n]*)(\\n?)") do print(line, rest) end',
    'local t = setmetatable({}, { __mode = "k" }) t[key] = true',
    'for i = #list, 1, -1 do if list[i].dead then table.remove(list, i) end end',
    'for _, c in utf8.codes(text) do n = n + c end',
  ]),
  ...innocent('text', [
    'local function trim(s) return (s:gsub("^%s+", ""):gsub("%s+$", "")) end',
    'local function split(s, sep) local r = {} for p in (s .. sep):gmatch("(.-)" .. sep) do r[#r + 1] = p end return r end',
    'local function template(s, vars) return (s:gsub("{(%w+)}", vars)) end print(template("Hi {name}", { name = user }))',
    'local out = {} for i = 1, 10 do out[#out + 1] = ("%03d"):format(i) end print(table.concat(out, ","))',
    'local hex = ("%02x"):rep(4):format(1, 2, 3, 4)',
    'local s = string.format("%s: %d", name, n) .. "\\n" label.inner_rml = s',
    'function string.trim(s) return s:match("^%s*(.-)%s*$") end print((" x "):trim())',
    'string.starts = function(s, p) return s:sub(1, #p) == p end',
    'local sub, byte = string.sub, string.byte local function at(s, i) return byte(sub(s, i, i)) end',
    'local upper = ("x").upper print(upper("a"))',
    'local text = table.concat({ "os.", "execute", "(", ")" }) show(text)',
    'local name = "load" .. "ing" print(name)',
    'local words = { load = "laden", io = "EA", debug = "Fehler", os = "System" } print(words[key])',
    `local masked = "${'X'.repeat(240)}"`,
    'local s = ("-"):rep(40) .. "\\n" print(s:len(), #s, s == "")',
    'local code = text:byte(i) local esc = ({ [34] = "\\\\\\"", [92] = "\\\\\\\\" })[code]',
  ]),
  ...innocent('parsers', [
    `local function decode(s, i)
  local c = s:sub(i, i)
  if c == "{" then
    local t = {}
    i = i + 1
    while s:sub(i, i) ~= "}" do
      local k, v
      k, i = decode(s, i)
      v, i = decode(s, i + 1)
      t[k] = v
      if s:sub(i, i) == "," then i = i + 1 end
    end
    return t, i + 1
  end
  local n = s:match("^-?%d+", i)
  if n then return tonumber(n), i + #n end
  error("at " .. i)
end
return { decode = decode }`,
    `local escapes = { ["\\\\"] = "\\\\", ['"'] = '"', ["\\n"] = "n" }
local encode
local function encode_table(v)
  local parts = {}
  for k, x in pairs(v) do parts[#parts + 1] = encode(tostring(k)) .. ":" .. encode(x) end
  return "{" .. table.concat(parts, ",") .. "}"
end
local kinds = { table = encode_table, string = function(s) return '"' .. s:gsub('["\\\\\\n]', function(c) return "\\\\" .. escapes[c] end) .. '"' end, number = tostring, boolean = tostring }
encode = function(v) return (kinds[type(v)] or error("cannot encode " .. type(v)))(v) end
return { encode = encode }`,
    `local Lexer = {}
Lexer.__index = Lexer
function Lexer:next()
  local s, e = self.text:find("^%s*", self.pos)
  self.pos = e + 1
  for _, rule in ipairs(self.rules) do
    local a, b, cap = self.text:find("^" .. rule[1], self.pos)
    if a then self.pos = b + 1 return rule[2], cap end
  end
end
return Lexer`,
    `local function csv(line) local r, field, quoted = {}, "", false
for c in line:gmatch(".") do
  if c == '"' then quoted = not quoted elseif c == "," and not quoted then r[#r + 1] = field field = "" else field = field .. c end
end
r[#r + 1] = field
return r end
return csv`,
    'local y, m, d = date:match("(%d+)-(%d+)-(%d+)") local t = os.time({ year = y, month = m, day = d })',
    'local function hash(s) local h = 5381 for i = 1, #s do h = (h * 33 + s:byte(i)) % 4294967296 end return h end',
  ]),
  ...innocent('compatibility', [
    'local unpack = table.unpack or unpack',
    'table.unpack = table.unpack or unpack',
    'unpack = unpack or table.unpack',
    'local bit = bit32 or require("util").bits',
    'math.pow = math.pow or function(a, b) return a ^ b end',
    'local _ENV = nil',
    'local print, pairs = print, pairs local _ENV = nil print(pairs)',
    'if type(os.time) == "function" then start = os.time() end',
    'if os and os.time then now = os.time() end',
    'local has_utf8 = utf8 ~= nil',
    'local clock = os.clock or os.time print(clock())',
    'local getmetatable, setmetatable, rawget, type = getmetatable, setmetatable, rawget, type print(type(getmetatable(x)))',
    'local string, table, math = string, table, math print(string.upper("x"), table.concat({}), math.pi)',
    'local tostring = tostring local fmt = string.format print(fmt("%s", tostring(x)))',
    'local version = _VERSION print(version)',
    'local pack = table.pack or function(...) return { n = select("#", ...), ... } end pack(1)',
  ]),
  ...innocent('followed values', [
    'local f = function() return os end print(f().time())',
    'local function lib() return os end local now = lib().time()',
    'local M = {} M.os = os print(M.os.time())',
    'local M = { sys = os, str = string } function M.now() return M.sys.time() end return M',
    'local libs = { os, string } print(libs[1].time(), libs[2].upper("x"))',
    'local o = math.none or os print(o.date("%Y"))',
    'local function pick(flag) if flag then return os end return nil end print(pick(true).clock())',
    'local s = { format = string.format, rep = string.rep } print(s.format("%d", 1), s.rep("x", 2))',
    'local api = { store = mosis.storage } api.store.set("a", 1)',
    'local net = { get = mosis.net.get } net.get("https://api.example.org/x", print)',
    'local M = {} M.net = mosis.net function M.load() M.net.get("https://api.example.org/", print) end M.load()',
    'local function api() return mosis.net end api().get("https://api.example.org/", print)',
    'local M = {} M.BASE = "https://a.example/" function M.url(p) return M.BASE .. p end mosis.net.get(M.BASE .. "x", print)',
    'local function base() return "https://a.example/" end mosis.net.get(base() .. path, print)',
    'local s <const> = mosis.storage local function get(k) return s.get(k) end get("x")',
    'rawset(_G, "counter", 1) print(rawget(_G, "counter"), _G.counter)',
  ]),
  ...packages('modules', [
    inPackage(
      { lib: 'return { time = os.time, upper = string.upper }' },
      'local lib = require("lib") print(lib.time())',
    ),
    inPackage({ lib: 'return os' }, 'print(require("lib").time())'),
    inPackage({ lib: 'local M = { os = os } return M' }, 'local lib = require("lib") print(lib.os.date("%Y"))'),
    inPackage({ a: 'return require("b")', b: 'return { load = function(x) return x end }' }, 'require("a").load("x")'),
    inPackage(
      {
        a: 'local b = require("b") return { f = b.f }',
        b: 'local M = {} function M.f() return require("a") end return M',
      },
      'require("a").f()',
    ),
    inPackage(
      { class: 'local C = {} C.__index = C function C.new() return setmetatable({}, C) end return C' },
      'local C = require("class") local o = C.new() o:load()',
    ),
    inPackage(
      { conf: 'return { api = "https://api.example.org/v1/" }' },
      'local conf = require("conf") mosis.net.get(conf.api .. "x", print)',
    ),
    inPackage(
      { conf: 'local M = {} M.BASE = "https://api.example.org" return M' },
      'mosis.net.get(require("conf").BASE .. "/x", print)',
    ),
    inPackage({ conf: 'return "https://api.example.org/"' }, 'mosis.net.get(require("conf") .. id, print)'),
    inPackage(
      { api: 'local M = {} M.net = mosis.net return M' },
      'require("api").net.get("https://a.example/", print)',
    ),
    inPackage({ api: 'return mosis.net' }, 'local net = require("api") net.get("https://a.example/x", print)'),
    inPackage(
      { api: 'return { http = function() return mosis.http end }' },
      'require("api").http().get("https://a.example/", print)',
    ),
    inPackage({ cam: 'return mosis.camera' }, 'local cam = require("cam") cam.capture(print)'),
    inPackage({ names: 'return { "load", "dofile" }' }, 'for _, n in ipairs(require("names")) do print(n) end'),
    inPackage({ load: 'return function(x) return x end' }, 'local load = require("load") load("x")'),
    inPackage({ io: 'return {}', 'lib.io': 'return { open = print }' }, 'local io = require("lib.io") io.open("x")'),
    inPackage(
      { m: 'local M = {} local cache = {} function M.get(k) cache[k] = cache[k] or k return cache[k] end return M' },
      'local M = require("m") M.get("os")',
    ),
    inPackage(
      {
        events:
          'local M = { list = {} } function M.on(f) M.list[#M.list + 1] = f end function M.fire(...) for _, f in ipairs(M.list) do f(...) end end return M',
      },
      'local e = require("events") e.on(print) e.fire(1)',
    ),
    inPackage(
      { strings: 'local M = {} for k, v in pairs({ a = 1 }) do M[k] = v end return M' },
      'local t = require("strings") print(t[key])',
    ),
    inPackage({ util: 'local M = {} M.util = M return M' }, 'local u = require("util") print(u.util.x)'),
  ]),
];
