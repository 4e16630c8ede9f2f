/** Owns how findings look at the terminal. It makes and judges none. */
import type { Severity } from '../format/findings.ts';
import { bold, counted, cyan, dim, green, joined, red, type Styled, t, wrapped, yellow } from './text.ts';

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

/**
 * Findings by file, the files with errors first: each with its place, message and what to do, and at the end how to learn more. The
 * same remedy is said once for a run of findings of one code.
 */
export function findingLines(findings: readonly ShownFinding[], columns: number): Styled[] {
  const sorted = ORDER.flatMap((severity) => findings.filter((found) => found.severity === severity));
  const shown = sorted.slice(0, MAX_SHOWN);
  const files = [...new Set(shown.map((found) => found.file ?? ''))];
  const groups = files.map((file) => [file, shown.filter((found) => (found.file ?? '') === file)] as const);
  const lines = groups.flatMap(([file, group]) => [
    bold(file === '' ? 'The package' : file),
    ...inOrder(group).flatMap((found, i, all) => oneFinding(found, all[i + 1]?.code !== found.code, columns)),
    t``,
  ]);
  const more = sorted.length > MAX_SHOWN ? [dim(`${sorted.length - MAX_SHOWN} more; --json lists all.`), t``] : [];
  return [...lines, ...more, ...explainLines(shown)];
}

function inOrder(group: readonly ShownFinding[]): ShownFinding[] {
  return group.toSorted(
    (a, b) =>
      ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
}

function oneFinding(found: ShownFinding, endsRun: boolean, columns: number): Styled[] {
  const place = placeOf(found);
  const head = [PAINT[found.severity](found.severity.padEnd(7)), cyan(found.code), ...(place === '' ? [] : [place])];
  return [
    t`  ${joined(head, '  ')}`,
    ...wrapped(found.message, columns, INDENT),
    ...(endsRun ? wrapped(`Fix: ${found.help}`, columns, INDENT).map((line) => dim(line)) : []),
  ];
}

const INDENT = '           ';
const MAX_EXPLAINED = 3;

/** How to learn more of the first codes; the rest are asked for in the same way. */
function explainLines(shown: readonly ShownFinding[]): Styled[] {
  const codes = [...new Set(shown.map(({ code }) => code))];
  if (codes.length === 0) return [];
  const more = codes.length > MAX_EXPLAINED ? [dim(t`  and ${codes.length - MAX_EXPLAINED} more codes`)] : [];
  const commands = codes.slice(0, MAX_EXPLAINED).map((code) => t`  mosis explain ${cyan(code)}`);
  return [dim('Why, with examples:'), ...commands, ...more, t``];
}

/** `assets/main.lua:12:3`, as far as it is known. */
export function placeOf({ file, line, column }: ShownFinding): string {
  if (file === undefined || file === null) return '';
  const parts = [line, column].filter((part) => part !== undefined && part !== null);
  return [file, ...parts].join(':');
}
