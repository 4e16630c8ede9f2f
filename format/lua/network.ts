/** Owns the rule that the host of a connection is a constant, docs/PACKAGE_FORMAT.md §6. It resolves no host. */
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import type { LuaReport } from './report.ts';
import { fieldName, indexValue, stringValue, type Value } from './values.ts';

/** A scheme and a host; the host has ended, or the whole text is known. */
const HOST = /^(?:https?|wss?):\/\/(?:[^/?#\s@]+@)?[^/?#\s@]+([/?#])?/i;

/** Reports a call of the network API unless its URL (the argument, or its field `url`) has a constant host. */
export function checkHost(api: string, argument: Value, at: number, report: LuaReport): void {
  const url = argument.kind === 'table' ? indexValue(argument, stringValue('url')) : argument;
  if (hasConstantHost(url)) return;
  report.add(LUA_CATALOGUE.LUA_NETWORK_HOST_DYNAMIC, `The host that "${api}" connects to cannot be read.`, at);
}

function hasConstantHost(url: Value): boolean {
  if (url.kind !== 'string') return false;
  // A constant that is no URL fails on the device; there is no host to hide.
  if (fieldName(url) !== null && !url.text.includes('://')) return true;
  const match = HOST.exec(url.text);
  return match !== null && (url.whole || match[1] !== undefined);
}
