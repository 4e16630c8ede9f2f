/** Owns the shape of a labelled case: one file, or a small package around it. It holds no case. */

/** Where the source of a case lies in its package. */
export const MAIN = 'assets/scripts/main.lua';

export interface Case {
  readonly technique: string;
  readonly source: string;
  /** Other modules of the package, by their name in `require`; `util`, `net` and `pages.home` are always there. */
  readonly modules?: Readonly<Record<string, string>>;
}
export interface DangerousCase extends Case {
  /** The code of an error that must be found somewhere in the package; null for any. */
  readonly code: string | null;
}

export function dangerous(technique: string, code: string | null, sources: readonly string[]): DangerousCase[] {
  return sources.map((source) => ({ technique, code, source }));
}

export function innocent(technique: string, sources: readonly string[]): Case[] {
  return sources.map((source) => ({ technique, source }));
}

/** A case of several files; the last one is where the code begins. */
export function inPackage(modules: Readonly<Record<string, string>>, source: string) {
  return { modules, source };
}
