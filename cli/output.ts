/** Owns the two streams: data for people or one JSON document on stdout, everything else on stderr. */
import type { CliError } from './errors.ts';
import { byteCount, dim, green, red, type Styled, t } from './text.ts';

/** A stream as this program needs it; `process.stdout` and `process.stderr` are two. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface OutputOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly json: boolean;
  readonly env: NodeJS.ProcessEnv;
}

export interface Output {
  readonly json: boolean;
  /** Columns to wrap prose at. */
  readonly columns: number;
  /** A line of data on stdout; nothing under `--json`, which prints one document at the end. */
  line(text: Styled): void;
  /** A line about what goes on, on stderr. */
  note(text: Styled): void;
  /** The one JSON document. */
  document(value: unknown): void;
  /** A failure: on stderr for people, as the document under `--json`. */
  failure(error: CliError): void;
  /** A bar on stderr where it is a terminal, else a line at each quarter. */
  progress(label: string, totalBytes: number): Progress;
}

export interface Progress {
  update(doneBytes: number): void;
  /** Ends the bar; the line that it leaves says how far it came. */
  end(): void;
}

/** Whether colours are wanted on a stream: a terminal, and neither NO_COLOR nor a dumb one. FORCE_COLOR wins over not being one. */
export function wantsColours(sink: Sink, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0') return true;
  return sink.isTTY === true && env.TERM !== 'dumb';
}

/** JSON in which no character reaches a terminal raw: C1 controls and direction changes are escaped too. */
export function safeJson(value: unknown): string {
  const text = JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? item.toString() : item), 2);
  return text.replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export function createOutput({ stdout, stderr, json, env }: OutputOptions): Output {
  const coloursOut = wantsColours(stdout, env);
  const coloursErr = wantsColours(stderr, env);
  const note = (text: Styled) => stderr.write(`${coloursErr ? text.ansi : text.plain}\n`);
  return {
    json,
    columns: Math.min(100, (stdout.isTTY ? stdout.columns : undefined) || 100),
    line(text) {
      if (!json) stdout.write(`${coloursOut ? text.ansi : text.plain}\n`);
    },
    note,
    document(value) {
      stdout.write(`${safeJson(value)}\n`);
    },
    failure(error) {
      if (json) {
        const details = error.details.length > 0 ? { details: error.details } : {};
        const body = { code: error.code, message: error.message, next: error.next, ...details };
        stdout.write(`${safeJson({ error: body })}\n`);
        return;
      }
      note(t`${red('error:')} ${error.message}`);
      for (const detail of error.details) note(t`  ${detail}`);
      if (error.next !== null) note(t`${dim(' next:')} ${error.next}`);
    },
    progress(label, totalBytes) {
      const bar = stderr.isTTY === true && env.TERM !== 'dumb';
      return bar ? liveBar(stderr, label, totalBytes, coloursErr) : plainBar(note, label, totalBytes);
    },
  };
}

const BAR_COLUMNS = 24;

function liveBar(stderr: Sink, label: string, totalBytes: number, colours: boolean): Progress {
  let done = 0;
  const draw = () => {
    const share = totalBytes === 0 ? 1 : Math.min(1, done / totalBytes);
    const full = Math.round(share * BAR_COLUMNS);
    const percent = `${Math.floor(share * 100)}`.padStart(3);
    const line = t`${label}  ${green('━'.repeat(full))}${dim('─'.repeat(BAR_COLUMNS - full))} ${percent} %  ${byteCount(done)} of ${byteCount(totalBytes)}`;
    stderr.write(`\r\u001b[2K${colours ? line.ansi : line.plain}`);
  };
  draw();
  return {
    update(doneBytes) {
      done = doneBytes;
      draw();
    },
    end() {
      stderr.write('\n');
    },
  };
}

function plainBar(note: (text: Styled) => unknown, label: string, totalBytes: number): Progress {
  let lastQuarter = 0;
  return {
    update(doneBytes) {
      const quarter = totalBytes === 0 ? 4 : Math.floor((doneBytes / totalBytes) * 4);
      if (quarter <= lastQuarter) return;
      lastQuarter = quarter;
      note(t`${label}  ${quarter * 25} %  ${byteCount(doneBytes)} of ${byteCount(totalBytes)}`);
    },
    end() {},
  };
}
