/** Owns how the operator command prints: data on stdout, the rest on stderr, nothing unescaped. */
import { printable } from '../../format/text.ts';
import type { AdminError } from './operator-client.ts';

/** A stream as the command needs it. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface Printer {
  /** A line of data; nothing under `--json`. */
  line(text: string): void;
  /** Rows with aligned columns; nothing under `--json`. */
  table(rows: readonly (readonly string[])[]): void;
  /** The one JSON document under `--json`; nothing otherwise. */
  document(value: unknown): void;
  /** About what goes on, on stderr. */
  note(text: string): void;
  failure(error: AdminError): void;
  /** A bar on stderr where it is a terminal, else a line at each quarter. */
  progress(label: string): Progress;
}

export interface Progress {
  update(done: number, total: number): void;
  end(): void;
}

const BAR_COLUMNS = 24;

export function createPrinter({ out, err, json }: { out: Sink; err: Sink; json: boolean }): Printer {
  const note = (text: string) => void err.write(`${safe(text)}\n`);
  return {
    line: (text) => void (json || out.write(`${safe(text)}\n`)),
    table(rows) {
      if (json) return;
      const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
      for (const row of rows) {
        const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
        out.write(`${safe(cells.join('  ').trimEnd())}\n`);
      }
    },
    document: (value) => void (json && out.write(`${JSON.stringify(value, null, 2)}\n`)),
    note,
    failure(error) {
      if (json)
        out.write(`${JSON.stringify({ error: { code: error.code, message: error.message, next: error.next } })}\n`);
      else {
        note(`error: ${error.message}`);
        if (error.next !== null) note(` next: ${error.next}`);
      }
    },
    progress: (label) => (err.isTTY === true ? liveBar(err, label) : plainBar(note, label)),
  };
}

/** Names and errors come from others: nothing of theirs steers the terminal. */
function safe(text: string): string {
  return printable(text, Number.POSITIVE_INFINITY);
}

function liveBar(err: Sink, label: string): Progress {
  return {
    update(done, total) {
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const full = Math.round(share * BAR_COLUMNS);
      const bar = `${'━'.repeat(full)}${'─'.repeat(BAR_COLUMNS - full)}`;
      err.write(`\r\u001b[2K${label}  ${bar}  ${Math.floor(share * 100)} %  ${done} of ${total}`);
    },
    end: () => void err.write('\n'),
  };
}

function plainBar(note: (text: string) => void, label: string): Progress {
  let last = -1;
  return {
    update(done, total) {
      const quarter = total === 0 ? 4 : Math.floor((done / total) * 4);
      if (quarter <= last) return;
      last = quarter;
      note(`${label}  ${quarter * 25} %  ${done} of ${total}`);
    },
    end() {},
  };
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes for people. */
export function byteCount(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}
