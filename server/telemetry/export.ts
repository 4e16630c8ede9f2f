/**
 * Owns what a developer takes away of an app's telemetry: the daily counts as rows, k-anonymous, as CSV or JSON. Pure; rows
 * come in day by day, and only the few sketches that merging may need are kept.
 */
import { DomainError } from '../errors.ts';
import type { DailyRow } from './aggregate-reader.ts';
import { dateOfDay } from './aggregates.ts';
import { MIN_SLICE_DEVICES, mergeSmallSlices, type Slice } from './anonymity.ts';
import type { EventType } from './events-schema.ts';
import { Sketch } from './sketch.ts';

export const EXPORT_FORMATS = ['CSV', 'JSON'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** A file of them is about 3 MB. */
export const MAX_EXPORT_ROWS = 50_000;

/** Events of one type, version and day; `date` is null for several days that had too few devices each. */
export interface ExportRow {
  readonly date: string | null;
  readonly version: string;
  readonly type: EventType;
  readonly count: number;
  readonly devices: number;
}

const COLUMNS = ['date', 'version', 'type', 'count', 'devices'] as const satisfies readonly (keyof ExportRow)[];

interface Series {
  readonly version: string;
  readonly type: EventType;
  readonly shown: { readonly date: string; readonly count: number; readonly devices: number }[];
  /** Days with too few devices. */
  readonly small: Slice[];
  /** The day with the fewest devices of those with enough: what the small ones take in if they are too few together. */
  least: { readonly slice: Slice; readonly devices: number } | null;
}

/** Collects rows in the order of their days. Throws VALIDATION past MAX_EXPORT_ROWS. */
export function createExport() {
  const series = new Map<string, Series>();
  let rows = 0;

  return { add, rows: (): ExportRow[] => [...series.values()].flatMap(rowsOf) };

  function add({ day, type, version, count, devices }: DailyRow): void {
    rows += 1;
    if (rows > MAX_EXPORT_ROWS) throw tooMany();
    const key = `${type} ${version}`;
    const known = series.get(key) ?? { version, type, shown: [], small: [], least: null };
    series.set(key, known);
    const slice = { key: dateOfDay(day), count, devices };
    const size = devices.count();
    if (size < MIN_SLICE_DEVICES) known.small.push(slice);
    else if (known.least === null || size < known.least.devices) {
      if (known.least !== null) show(known, known.least.slice, known.least.devices);
      known.least = { slice, devices: size };
    } else show(known, slice, size);
  }
}

/** The rows of one version and type, by date, the merged one last. */
function rowsOf({ version, type, shown, small, least }: Series): ExportRow[] {
  const merged = mergeSmallSlices(
    [...small, ...(least === null ? [] : [least.slice])],
    MIN_SLICE_DEVICES,
    () => new Sketch(),
  );
  const rest = merged.map(({ key, count, devices }) => ({ date: key, count, devices: devices.count() }));
  return [...shown, ...rest]
    .sort((a, b) => Number(a.date === null) - Number(b.date === null) || ((a.date ?? '') < (b.date ?? '') ? -1 : 1))
    .map(({ date, count, devices }) => ({ date, version, type, count, devices }));
}

function show({ shown }: Series, { key, count }: Slice, devices: number): void {
  if (key !== null) shown.push({ date: key, count, devices });
}

/** The rows as a file's text; CSV as RFC 4180 has it. */
export function exportText(rows: readonly ExportRow[], format: ExportFormat): string {
  if (format === 'JSON') return `${JSON.stringify(rows)}\n`;
  // Versions are semantic versions and types are ours: nothing needs quotes, and nothing begins a formula.
  const lines = rows.map((row) => COLUMNS.map((column) => row[column] ?? '').join(','));
  return `${[COLUMNS.join(','), ...lines].join('\r\n')}\r\n`;
}

function tooMany(): DomainError {
  return new DomainError(
    'VALIDATION',
    `An export has at most ${MAX_EXPORT_ROWS} rows of a day, version and type. Ask for fewer days at a time.`,
    { fields: [{ path: 'range', message: 'too many rows' }] },
  );
}
