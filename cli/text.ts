/** Owns text that is safe to print: everything that is not written in this program is escaped before it is styled. */
import { printable } from '../format/text.ts';

/** Text ready for a terminal, with and without colours. Only this module makes one, so nothing unescaped gets printed. */
export class Styled {
  readonly plain: string;
  readonly ansi: string;

  constructor(plain: string, ansi: string) {
    this.plain = plain;
    this.ansi = ansi;
  }
}

export type Printable = string | number | bigint | Styled;

/** Control, invisible and direction-changing characters as `\u{…}`; nothing is cut. */
export function escaped(text: string): string {
  return printable(text, Number.POSITIVE_INFINITY);
}

/** Any value as styled text; a string is escaped, a `Styled` is taken as it is. */
export function styled(value: Printable): Styled {
  if (value instanceof Styled) return value;
  const text = escaped(String(value));
  return new Styled(text, text);
}

/** A line of output: the literal parts are this program's own, the values in between are escaped. */
export function t(literals: TemplateStringsArray, ...values: Printable[]): Styled {
  let plain = literals[0] ?? '';
  let ansi = plain;
  values.forEach((value, i) => {
    const part = styled(value);
    const literal = literals[i + 1] ?? '';
    plain += part.plain + literal;
    ansi += part.ansi + literal;
  });
  return new Styled(plain, ansi);
}

/** Several pieces with the same separator between them. */
export function joined(parts: readonly Printable[], separator = ''): Styled {
  const pieces = parts.map(styled);
  return new Styled(pieces.map((p) => p.plain).join(separator), pieces.map((p) => p.ansi).join(separator));
}

const painter =
  (open: number, close: number) =>
  (value: Printable): Styled => {
    const { plain, ansi } = styled(value);
    return new Styled(plain, `\u001b[${open}m${ansi}\u001b[${close}m`);
  };

export const bold = painter(1, 22);
export const dim = painter(2, 22);
export const red = painter(31, 39);
export const green = painter(32, 39);
export const yellow = painter(33, 39);
export const cyan = painter(36, 39);

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const ZERO_WIDTH = /^\p{Mark}$/u;

/** Columns that a text takes in a terminal. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) if (!ZERO_WIDTH.test(character)) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}

/** Fills up with spaces to the right. */
export function padded(value: Printable, columns: number): Styled {
  const { plain, ansi } = styled(value);
  const fill = ' '.repeat(Math.max(0, columns - columnsOf(plain)));
  return new Styled(plain + fill, ansi + fill);
}

/** Rows with aligned columns, two spaces apart; empty cells at the end of a row leave no trailing space. */
export function table(rows: readonly (readonly Printable[])[], indent = ''): Styled[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, columnsOf(styled(cell).plain));
    });
  return rows.map((row) => {
    const last = row.findLastIndex((cell) => styled(cell).plain !== '');
    const cells = row.slice(0, last + 1).map((cell, i) => (i === last ? styled(cell) : padded(cell, widths[i] ?? 0)));
    return t`${new Styled(indent, indent)}${joined(cells, '  ')}`;
  });
}

/** Foreign text as lines of at most `columns`, broken at spaces and at its own line breaks. */
export function wrapped(text: string, columns: number, indent = ''): Styled[] {
  const room = Math.max(20, columns - indent.length);
  const lines: Styled[] = [];
  for (const paragraph of text.split(/\r?\n/)) {
    let line = '';
    for (const word of escaped(paragraph.trimEnd()).split(' ')) {
      if (line !== '' && columnsOf(line) + 1 + columnsOf(word) > room) {
        lines.push(new Styled(indent + line, indent + line));
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(new Styled(line === '' ? '' : indent + line, line === '' ? '' : indent + line));
  }
  return lines;
}

/** Bytes for people: `12.3 MiB`. */
export function byteCount(bytes: number | bigint): string {
  const n = Number(bytes);
  if (n < 1024) return `${n} B`;
  const units = ['KiB', 'MiB', 'GiB'];
  let value = n / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A span of seconds for people: `40 s`, `12 min`, `3 h`, `2 days`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** One of two words by a count, with the count: `1 error`, `2 errors`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
