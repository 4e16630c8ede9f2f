/** Owns what counts as new in a rescan: findings that a version's own checks did not have. Pure. */
import type { Finding } from '../../format/findings.ts';

/** A finding as it was recorded; severity in capitals, as rows have it. */
export interface KnownFinding {
  readonly code: string;
  readonly severity: string;
  readonly file: string | null;
  readonly line: number | null;
}

/**
 * Errors and warnings among `found` that `known` has no partner for: same code, severity and file, the same line where there is one,
 * else any (a newer check may point elsewhere in the same file). Each known finding answers for one found one.
 */
export function newFindings(found: readonly Finding[], known: readonly KnownFinding[]): Finding[] {
  const left = new Map<string, KnownFinding[]>();
  for (const each of known) {
    const key = keyOf(each.code, each.severity, each.file);
    left.set(key, [...(left.get(key) ?? []), each]);
  }
  const telling = found.filter(({ severity }) => severity !== 'notice');
  const take = (each: Finding, sameLine: boolean): boolean => {
    const partners = left.get(keyOf(each.code, each.severity.toUpperCase(), each.file ?? null)) ?? [];
    const index = partners.findIndex(({ line }) => !sameLine || line === (each.line ?? null));
    if (index === -1) return false;
    partners.splice(index, 1);
    return true;
  };
  // Those at their very line first, so that what is left over is what is new.
  return telling.filter((each) => !take(each, true)).filter((each) => !take(each, false));
}

function keyOf(code: string, severity: string, file: string | null): string {
  return JSON.stringify([code, severity, file]);
}
