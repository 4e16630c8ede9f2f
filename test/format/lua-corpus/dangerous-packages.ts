/** Owns the dangerous cases of several files: what one module gives, another uses. */
import { type DangerousCase, inPackage } from './case.ts';

function group(
  technique: string,
  code: string,
  cases: readonly ReturnType<typeof inPackage>[],
): readonly DangerousCase[] {
  return cases.map((entry) => ({ technique, code, ...entry }));
}

export const DANGEROUS_PACKAGES: readonly DangerousCase[] = [
  ...group('module gives a library', 'LUA_PROCESS', [
    inPackage({ lib: 'return os' }, 'local lib = require("lib") lib.execute("x")'),
    inPackage({ lib: 'return os' }, 'require("lib").execute("x")'),
    inPackage({ lib: 'return { os = os }' }, 'require("lib").os.execute("x")'),
    inPackage({ lib: 'local M = {} M.os = os return M' }, 'local lib = require("lib") lib.os.exit()'),
    inPackage({ lib: 'local M = { sys = os } return M' }, 'local sys = require("lib").sys sys.exit()'),
    inPackage({ lib: 'return function() return os end' }, 'require("lib")().execute("x")'),
    inPackage({ lib: 'local M = {} function M.get() return os end return M' }, 'require("lib").get().exit()'),
    inPackage({ lib: 'return { get = function() return { os = os } end }' }, 'require("lib").get().os.exit()'),
    inPackage({ lib: 'local o = os return o' }, 'local r = require local o = r("lib") o.exit()'),
    inPackage({ a: 'return require("b")', b: 'return os' }, 'require("a").execute("x")'),
    inPackage({ a: 'return { b = require("b") }', b: 'return { os = os }' }, 'require("a").b.os.exit()'),
    inPackage({ a: 'local b = require("b") return { os = b.os }', b: 'return { os = os }' }, 'require("a").os.exit()'),
    inPackage({ lib: 'return require("os")' }, 'require("lib").exit()'),
    inPackage({ lib: 'return os' }, 'local t = { lib = require("lib") } t.lib.exit()'),
    inPackage({ lib: 'return os' }, 'local M = {} M.lib = require("lib") M.lib.exit()'),
    inPackage({ lib: 'return os' }, 'local function lib() return require("lib") end lib().exit()'),
    inPackage({ lib: 'if flag then return nil end return os' }, 'require("lib").exit()'),
    inPackage({ 'lib.init': 'return os' }, 'require("lib").exit()'),
    inPackage({ lib: 'local M = { os = os } return setmetatable(M, {})' }, 'require("lib").os.execute("x")'),
    inPackage({ lib: 'return (os)' }, 'require("lib")["exe" .. "cute"]("x")'),
  ]),
  ...group('module gives the globals', 'LUA_DYNAMIC_CODE', [
    inPackage({ g: 'return _G' }, 'require("g").load("x")'),
    inPackage({ g: 'return _ENV' }, 'local g = require("g") g.load("x")'),
    inPackage({ g: 'return { env = _G }' }, 'require("g").env.load("x")'),
    inPackage({ g: 'local M = {} M.G = _G return M' }, 'local M = require("g") M.G["lo" .. "ad"]("x")'),
    inPackage({ g: 'return function() return _G end' }, 'local g = require("g")() g.load("x")'),
    inPackage({ a: 'return require("b")', b: 'return require("c")', c: 'return _G' }, 'require("a").load("x")'),
    inPackage({ s: 'return string' }, 'require("s").dump(f)'),
    inPackage({ s: 'return { s = "" }' }, 'require("s").s.dump(f)'),
    inPackage({ k: 'return "lo" .. "ad"' }, '_G[require("k")]("x")'),
    inPackage({ k: 'return { name = "load" }' }, '_G[require("k").name]("x")'),
  ]),
  ...group('module gives a loader', 'LUA_DYNAMIC_CODE', [
    inPackage({ run: 'return load' }, 'require("run")("x")'),
    inPackage({ run: 'return { run = load }' }, 'require("run").run("x")'),
    inPackage({ run: 'local M = {} M.run = loadstring return M' }, 'require("run").run("x")'),
    inPackage({ run: 'return function() return load end' }, 'require("run")()("x")'),
    inPackage({ run: 'local M = {} function M.run(s) return load(s)() end return M' }, 'require("run").run("x")'),
    inPackage({ run: 'return string.dump' }, 'require("run")(f)'),
    inPackage({ run: 'return setmetatable({}, { __call = load })' }, 'require("run")("x")'),
  ]),
  ...group('module gives what then goes out of sight', 'LUA_GLOBAL_TABLE_ESCAPE', [
    inPackage({ lib: 'return os' }, 'use(require("lib"))'),
    inPackage({ lib: 'return { os = os }' }, 'for _, l in pairs(require("lib")) do l.execute("x") end'),
    inPackage({ lib: 'return { os = os }' }, 'local lib = require("lib") lib:run()'),
    inPackage({ lib: 'return { os = os }' }, 'obj.lib = require("lib")'),
    inPackage({ lib: 'return { os = os }' }, 'local ok, lib = pcall(require, "lib") lib.os.execute("x")'),
    inPackage({ lib: 'return { os = os }' }, 'local lib, path = require("lib") use(lib)'),
    inPackage({ lib: 'return { os = os }' }, 'local t = setmetatable({}, { __index = require("lib") })'),
    inPackage({ lib: 'return function() return os end' }, 'pcall(require("lib"))'),
    inPackage({ lib: 'return 1, os' }, 'local a, b = require("lib") b.execute("x")'),
    inPackage({ lib: 'local M = {} M.lib = os M.lib = string return M' }, 'require("lib").lib.execute("x")'),
    inPackage({ lib: 'if a then return os end return string' }, 'require("lib").execute("x")'),
    inPackage({ lib: 'local M = { os = os } function M.f() return M end return M' }, 'require("lib").f().os.exit()'),
    inPackage({ lib: 'shared = os' }, 'require("lib") shared.execute("x")'),
    inPackage({ lib: 'return {}' }, 'local lib = require("lib") lib.os = os lib.os.execute("x")'),
    inPackage({ lib: 'return {}' }, 'require("lib").os = os'),
    inPackage({ lib: 'local M = {} function M.set(o) M.os = o end return M' }, 'require("lib").set(os)'),
    inPackage({ lib: 'local M = {} function M.run() return M.os.execute("x") end return M' }, 'require("lib").os = os'),
  ]),
  ...group('modules in a circle', 'LUA_GLOBAL_TABLE_ESCAPE', [
    inPackage(
      {
        a: 'local M = { os = os } M.b = require("b") return M',
        b: 'return { get = function() return require("a") end }',
      },
      'require("b").get().os.execute("x")',
    ),
    inPackage(
      { a: 'local b = require("b") return { os = os, b = b }', b: 'local M = {} M.a = require("a") return M' },
      'require("a").b.a.os.execute("x")',
    ),
    inPackage({ a: 'if x then return require("a") end return os' }, 'require("a").execute("x")'),
    inPackage(
      {
        a: 'return { f = function() return require("b").g() end, g = function() return os end }',
        b: 'return require("a")',
      },
      'require("a").f().execute("x")',
    ),
  ]),
  ...group('key chosen in another file', 'LUA_GLOBAL_INDIRECT', [
    inPackage({ k: 'return function(n) return n end' }, '_G[require("k")("load")]("x")'),
    inPackage({ lib: 'return { os = os }' }, 'require("lib")[name].execute("x")'),
    inPackage({ lib: 'return os' }, 'local lib = require("lib") lib[name]("x")'),
    inPackage({ k: 'local M = { name = "time" } return M' }, 'local k = require("k") k.name = input() os[k.name]("x")'),
    inPackage({ k: 'return { name = "time" }', z: 'require("k").name = "execute"' }, 'os[require("k").name]("x")'),
  ]),
];
