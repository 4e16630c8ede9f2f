/** Owns the analysis of one piece of Lua from text to findings. It reads no package. */

import type { Places } from '../assets/places.ts';
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import type { Finding } from '../findings.ts';
import { Analysis } from './analysis.ts';
import { checkLines } from './packed.ts';
import { parseLua } from './parser.ts';
import type { LuaFacts } from './platform-use.ts';
import { LuaReport, type LuaSource } from './report.ts';

export interface LuaResult {
  readonly findings: readonly Finding[];
  /** Null where the source does not parse. */
  readonly facts: LuaFacts | null;
  readonly place: Places;
}

/**
 * Checks one piece of Lua by docs/PACKAGE_FORMAT.md §6; never throws. `resolveModule` gives the path of the package file that
 * a `require` in it means, or null.
 */
export function analyseLua(source: LuaSource, resolveModule: (name: string) => string | null): LuaResult {
  const report = new LuaReport(source);
  const { place } = report;
  checkLines(source.text, report);
  const parsed = parseLua(source.text, source.locals);
  if (!parsed.ok) {
    const entry = parsed.tooComplex ? LUA_CATALOGUE.LUA_TOO_COMPLEX : LUA_CATALOGUE.LUA_SYNTAX;
    report.add(entry, `${parsed.message.charAt(0).toUpperCase()}${parsed.message.slice(1)}.`, parsed.at);
    return { findings: report.findings, facts: null, place };
  }
  const analysis = new Analysis(source.text, report, resolveModule);
  analysis.run(parsed.body);
  return { findings: report.findings, facts: analysis.platform.facts, place };
}
