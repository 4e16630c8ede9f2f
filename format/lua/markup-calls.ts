/** Owns the judgement of calls by which RmlUi gets code, by the method's name: nobody knows what value has it. It walks no tree. */
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import { printable } from '../text.ts';
import type { LuaReport } from './report.ts';
import { NIL, type Value } from './values.ts';

/**
 * Judges a call of the method with these arguments: RmlUi compiles the value of an event attribute and a listener that is a
 * string, so setting one loads code. `isPlain`: the call names the method itself, not an alias or a computed key.
 */
export function checkMarkupCall(
  method: string,
  args: readonly Value[],
  isPlain: boolean,
  at: number,
  report: LuaReport,
): void {
  const [name = NIL, value = NIL] = args;
  if (/^set_?attribute$/i.test(method)) checkAttribute(name, value, at, report);
  else if (value.kind === 'string' && /^add_?event_?listener$/i.test(method)) {
    const entry = isPlain ? LUA_CATALOGUE.LUA_DYNAMIC_CODE : LUA_CATALOGUE.LUA_MARKUP_CODE;
    report.add(entry, 'This listener is code in a text.', at);
  }
}

/** A document that the checks read as one: what follows `?` or `#` names no file, and a NUL ends the name for the host. */
const DOCUMENT = /^[^\0?#]+\.rml(?:[?#]|$)/;

/** Whether a method of this name loads a file as a document. */
export function loadsDocument(method: string): boolean {
  return /^load_?document$/i.test(method);
}

/** Judges the path of a document that is loaded: scripts are only looked for in files that are called .rml. */
export function checkDocument(path: Value, at: number, report: LuaReport): void {
  if (path.kind === 'string' && path.whole && !DOCUMENT.test(path.text)) {
    const message = `"${printable(path.text, 40)}" is loaded as a document, but is not checked as one: it is no .rml file.`;
    report.add(LUA_CATALOGUE.LUA_DYNAMIC_CODE, message, at);
  } else if (!isReadable(path))
    report.add(LUA_CATALOGUE.LUA_MARKUP_CODE, 'Which document this loads cannot be read.', at);
}

function checkAttribute(name: Value, value: Value, at: number, report: LuaReport): void {
  if (name.kind === 'string' && (name.whole ? /^on./is : /^on/i).test(name.text)) {
    const message = `The event attribute "${printable(name.text, 40)}" is set, whose value is code.`;
    report.add(LUA_CATALOGUE.LUA_DYNAMIC_CODE, message, at);
  } else if (!isReadable(name) && value.kind !== 'number' && value.kind !== 'boolean')
    report.add(LUA_CATALOGUE.LUA_MARKUP_CODE, 'Whether this attribute is an event cannot be read.', at);
}

/** Whether all of a text is certain, or the value is no text that could be a name. */
function isReadable(name: Value): boolean {
  if (name.kind === 'string') return name.whole && !name.computed;
  return name.kind === 'nil' || name.kind === 'number' || name.kind === 'boolean';
}
