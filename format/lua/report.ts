/** Owns where findings about Lua source go: places, one per place, and a bound per code and file. It decides no rule. */
import { createPlaces, type Places } from '../assets/places.ts';
import type { CatalogueEntry, Finding } from '../findings.ts';
import { finding } from '../findings.ts';

/** Findings of one code in one file; later ones say nothing new. */
const MAX_PER_CODE = 20;

/** Lua in a file: all of it, or a piece of RML that starts at a line and column (from 1). */
export interface LuaSource {
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
  /** Names that the host declares around the text. */
  readonly locals: readonly string[];
}

export class LuaReport {
  readonly findings: Finding[] = [];
  private readonly counts = new Map<string, number>();
  private readonly seen = new Set<string>();
  /** The place of an offset of the source, in its file. */
  readonly place: Places;

  constructor(source: LuaSource) {
    this.place = createPlaces(source.file, source.text, source.line, source.column);
  }

  /** Adds a finding at an offset of the source, unless the same code was found there. */
  add(entry: CatalogueEntry, message: string, at: number): void {
    const count = (this.counts.get(entry.code) ?? 0) + 1;
    if (count > MAX_PER_CODE) return;
    const key = `${entry.code}@${at}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.counts.set(entry.code, count);
    this.findings.push(finding(entry, message, this.place(at)));
  }
}
