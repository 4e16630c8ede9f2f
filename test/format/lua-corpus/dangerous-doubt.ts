/**
 * Owns the dangerous cases where a value is taken for certain that is not: a key is read as harmless because of a field, a truth, a
 * number or an order that is another at run time. Any error will do for them.
 */
import { type DangerousCase, dangerous } from './case.ts';

const inRun = (sources: readonly string[]) => sources.map((source) => `local function run(name) ${source}`);

export const DANGEROUS_DOUBT: readonly DangerousCase[] = [
  ...dangerous(
    'a field that is assigned twice',
    null,
    inRun([
      'local K = { k = "time", k = name } return os[K.k] end',
      'local K = { [1] = "time", name } return os[K[1]] end',
      'local k = "time" local t = { k, [1] = name } return os[t[1]] end',
      'local k = rawget({ a = "time", a = name }, "a") return os[k] end',
    ]),
  ),
  ...dangerous(
    'numbers beyond what both count',
    null,
    inRun([
      'return os[(9007199254740993 == 9007199254740992) and "time" or name] end',
      'return os[(0x10000000000000000 ~= 0) and "time" or name] end',
    ]),
  ),
  ...dangerous(
    'a truth that is another at run time',
    null,
    inRun([
      'local v = x return os[getmetatable(v) and "time" or name] end',
      'local T = { s = function() return true end } local U = T U.s = print return os[T.s() and "time" or name] end',
      'local T = { s = function() return true end } T.s = print return os[T.s() and "time" or name] end',
      'local f = x and function() return true end or function() return false end return os[f() and "time" or name] end',
      'local f = x and function() return 1 end or function() return 2 end return os[({ "time", name })[f()]] end',
      'local T = { f = function() end } T.f = nil return os[T.f and "time" or name] end',
      'local T = { t = {} } local U = T U.t = nil return os[T.t and "time" or name] end',
      'local T = { f = function() return "x" end } local U = T U.f = print return os[T.f() and "time" or name] end',
      'local k = ({ a = "time" } or name).a return os[k] end',
    ]),
  ),
  ...dangerous(
    'a variable that is nil before it gets its value',
    null,
    inRun([
      'local b local function g() return os[b and "time" or name] end g() b = true end',
      'local b local function g() return os[b and "time" or name] end g() b = "x" end',
      'local b local function g() return os[(not b and name) or "time"] end g() b = "x" end',
      'local b local function g() return os[b and "time" or name] end g() b = {} end',
      'local b local function g() return os[b and "time" or name] end g() function b() end end',
      'for i = 1, 2 do local k if i == 2 then return os[k or name] end k = "time" end end',
      'local k local r = os[k or name] k = "time" return r end',
    ]),
  ),
  ...dangerous(
    'a metamethod instead of a text',
    null,
    inRun([
      'local t = setmetatable({}, { __concat = print }) return os[(t .. "a") and "time" or name] end',
      'local t = setmetatable({}, { __concat = print }) return os[("a" .. t) and "time" or name] end',
    ]),
  ),
  ...dangerous(
    'a field that was read while its table was',
    null,
    inRun([
      'local T = {} T.k = "time" local U = T U.k = name local k = T.k T.f = k return os[k] end',
      'local T = {} T.k = true local U = T U.k = false local k = T.k T.f = k return os[k and "time" or name] end',
    ]),
  ),
];
