/** Owns the analysis of one piece of Lua from text to findings. It reads no package. */

import type { Places } from '../assets/places.ts';
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import type { Finding } from '../findings.ts';
import { Analysis, type ModuleLinks } from './analysis.ts';
import { MAX_NODES } from './expressions.ts';
import { checkLines } from './packed.ts';
import { parseLua } from './parser.ts';
import type { LuaFacts } from './platform-use.ts';
import { LuaReport, type LuaSource } from './report.ts';
import { UNKNOWN, type Value } from './values.ts';

export interface LuaResult {
  readonly findings: readonly Finding[];
  /** Null where the source does not parse. */
  readonly facts: LuaFacts | null;
  readonly place: Places;
  /** What the file gives to those who require it. */
  readonly value: Value;
  /** The offset of its first return. */
  readonly returnsAt: number;
  /** How many statements and expressions were read. */
  readonly nodes: number;
}

/**
 * Checks one piece of Lua by docs/PACKAGE_FORMAT.md §6; never throws. `links` tells which package file a `require` in it means
 * and what that file gives; `maxNodes` bounds how many statements and expressions are read, past which it is an error.
 */
export function analyseLua(source: LuaSource, links: ModuleLinks, maxNodes = MAX_NODES): LuaResult {
  const report = new LuaReport(source);
  const { place } = report;
  checkLines(source.text, report);
  const parsed = parseLua(source.text, source.locals, maxNodes);
  if (!parsed.ok) {
    const entry = parsed.tooComplex ? LUA_CATALOGUE.LUA_TOO_COMPLEX : LUA_CATALOGUE.LUA_SYNTAX;
    report.add(entry, `${parsed.message.charAt(0).toUpperCase()}${parsed.message.slice(1)}.`, parsed.at);
    return {
      findings: report.findings,
      facts: null,
      place,
      value: UNKNOWN,
      returnsAt: 0,
      nodes: Math.min(maxNodes, parsed.nodes),
    };
  }
  const analysis = new Analysis(source.text, report, links);
  const value = analysis.run(parsed.body, parsed.returns);
  const returnsAt = parsed.returns[0]?.[0]?.at ?? 0;
  const { facts } = analysis.judge.platform;
  return { findings: report.findings, facts, place, value, returnsAt, nodes: parsed.nodes };
}
