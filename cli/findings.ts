/** Owns how findings look at the terminal. It makes and judges none. */
import type { Severity } from '../format/findings.ts';
import { bold, counted, dim, green, joined, red, type Styled, t, wrapped, yellow } from './text.ts';

/** A finding of this machine's checks or of a server's. */
export interface ShownFinding {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly help: string;
  readonly file?: string | null | undefined;
  readonly line?: number | null | undefined;
  readonly column?: number | null | undefined;
}

/** Findings shown for people; `--json` has all of them. */
const MAX_SHOWN = 50;
const ORDER: readonly Severity[] = ['error', 'warning', 'notice'];
const PAINT = { error: red, warning: yellow, notice: dim } as const;

/** `2 errors, 1 warning`, or `no findings`. */
export function tally(findings: readonly ShownFinding[]): Styled {
  const parts = ORDER.flatMap((severity) => {
    const count = findings.filter((found) => found.severity === severity).length;
    return count === 0 ? [] : [PAINT[severity](counted(count, severity))];
  });
  return parts.length === 0 ? green('no findings') : joined(parts, ', ');
}

/** Each finding as a head line, its message and what to do about it; errors first. */
export function findingLines(findings: readonly ShownFinding[], columns: number): Styled[] {
  const sorted = ORDER.flatMap((severity) => findings.filter((found) => found.severity === severity));
  const shown = sorted.slice(0, MAX_SHOWN).flatMap((found) => [...oneFinding(found, columns), t``]);
  if (sorted.length <= MAX_SHOWN) return shown;
  return [...shown, dim(`${sorted.length - MAX_SHOWN} more; --json lists all.`), t``];
}

function oneFinding(found: ShownFinding, columns: number): Styled[] {
  const paint = PAINT[found.severity];
  const place = placeOf(found);
  return [
    t`${paint(found.severity.padEnd(7))}  ${bold(found.code)}${place === '' ? '' : '  '}${place}`,
    ...wrapped(found.message, columns, '         '),
    ...wrapped(found.help, columns, '         ').map((line) => dim(line)),
  ];
}

/** `assets/main.lua:12:3`, as far as it is known. */
export function placeOf({ file, line, column }: ShownFinding): string {
  if (file === undefined || file === null) return '';
  const parts = [line, column].filter((part) => part !== undefined && part !== null);
  return [file, ...parts].join(':');
}
