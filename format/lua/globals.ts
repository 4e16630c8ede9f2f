/** Owns what docs/PACKAGE_FORMAT.md §6 says about each global of Lua. It is data and lookups; it walks no tree. */
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import type { CatalogueEntry } from '../findings.ts';
import { PLATFORM_GLOBAL } from './platform-api.ts';

const DYNAMIC = LUA_CATALOGUE.LUA_DYNAMIC_CODE;
const ENVIRONMENT_CHANGE = LUA_CATALOGUE.LUA_ENVIRONMENT_CHANGE;
const FILES = LUA_CATALOGUE.LUA_FILE_SYSTEM;
const NATIVE = LUA_CATALOGUE.LUA_NATIVE_CODE;

/** Globals that may not be read at all, by path. */
const FORBIDDEN: ReadonlyMap<string, CatalogueEntry> = new Map([
  ['load', DYNAMIC],
  ['loadstring', DYNAMIC],
  ['loadfile', DYNAMIC],
  ['dofile', DYNAMIC],
  ['string.dump', DYNAMIC],
  ['os.execute', LUA_CATALOGUE.LUA_PROCESS],
  ['os.exit', LUA_CATALOGUE.LUA_PROCESS],
  ['os.remove', FILES],
  ['os.rename', FILES],
  ['os.tmpname', FILES],
  ['io', FILES],
  ['os.getenv', LUA_CATALOGUE.LUA_ENVIRONMENT],
  ['package', NATIVE],
  ['ffi', NATIVE],
  ['jit', NATIVE],
  ['debug', LUA_CATALOGUE.LUA_DEBUG],
  ['getfenv', ENVIRONMENT_CHANGE],
  ['setfenv', ENVIRONMENT_CHANGE],
]);

/** Names that Lua 5.4 and LuaJIT define as global tables; `require` of one gives that table, whatever the package has. */
const LIBRARIES: ReadonlySet<string> = new Set([
  ...['_G', 'string', 'table', 'math', 'utf8', 'coroutine'],
  ...['os', 'io', 'debug', 'package', 'ffi', 'jit', 'bit', 'bit32'],
]);

const FUNCTIONS: readonly string[] = [
  ...['assert', 'collectgarbage', 'error', 'getmetatable', 'ipairs', 'next', 'pairs', 'pcall', 'print', 'rawequal'],
  ...['rawget', 'rawlen', 'rawset', 'require', 'select', 'setmetatable', 'tonumber', 'tostring', 'type', 'unpack'],
  ...['warn', 'xpcall', 'load', 'loadstring', 'loadfile', 'dofile', 'getfenv', 'setfenv'],
];

const KNOWN: ReadonlySet<string> = new Set([...LIBRARIES, ...FUNCTIONS, PLATFORM_GLOBAL]);

/** Libraries with members that are forbidden: they may not go where their members can't be followed. */
const SENSITIVE: ReadonlySet<string> = new Set(['os', 'string']);

/** The members that code could replace, so that what a name means is no longer what this file says. */
const MEMBERS: Readonly<Record<string, ReadonlySet<string>>> = {
  os: new Set([
    'clock',
    'date',
    'difftime',
    'execute',
    'exit',
    'getenv',
    'remove',
    'rename',
    'setlocale',
    'time',
    'tmpname',
  ]),
  string: new Set(
    'byte char dump find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper'.split(' '),
  ),
  table: new Set(['concat', 'insert', 'move', 'pack', 'remove', 'sort', 'unpack']),
  math: new Set(
    'abs ceil cos exp floor fmod huge log max maxinteger min modf pi random randomseed sin sqrt tan'.split(' '),
  ),
  coroutine: new Set(['close', 'create', 'isyieldable', 'resume', 'running', 'status', 'wrap', 'yield']),
};

/** Why a global may not be read, or null. A forbidden library forbids everything under it. */
export function forbidden(path: string): CatalogueEntry | null {
  const found = FORBIDDEN.get(path);
  if (found !== undefined) return found;
  const dot = path.indexOf('.');
  return dot < 0 ? null : (FORBIDDEN.get(path.slice(0, dot)) ?? null);
}

/** Whether a name is a global that Lua or the platform defines. */
export function isKnownGlobal(name: string): boolean {
  return KNOWN.has(name);
}

/** Whether `require` of this name gives a library of Lua instead of a file. */
export function isLibrary(name: string): boolean {
  return LIBRARIES.has(name);
}

/** Whether a library must not go where the analysis can't follow it. */
export function isSensitive(path: string): boolean {
  return SENSITIVE.has(path);
}

/** Whether assigning this path replaces something that Lua or the platform defines. */
export function replacesGlobal(path: string): boolean {
  const [root = '', member, further] = path.split('.');
  if (member === undefined) return KNOWN.has(root);
  if (root === PLATFORM_GLOBAL) return true;
  return further === undefined && MEMBERS[root]?.has(member) === true;
}
