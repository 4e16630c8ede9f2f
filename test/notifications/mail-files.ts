/** Owns the reading of the mails that a test server wrote to its data folder. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ReadMail {
  readonly to: string;
  readonly subject: string;
  /** Header lines, unfolded. */
  readonly headers: readonly string[];
  /** The plain part, decoded. */
  readonly text: string;
  readonly html: string;
}

/** Every mail of the server with this data folder, oldest first. */
export async function mailsIn(dataDir: string): Promise<ReadMail[]> {
  const folder = join(dataDir, 'mail');
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => name.endsWith('.eml')).toSorted();
  return Promise.all(files.map(async (name) => readMail(await readFile(join(folder, name), 'utf8'))));
}

/** Reads a mail of two parts, as our adapters write it. */
export function readMail(raw: string): ReadMail {
  const [head = '', ...rest] = raw.replaceAll('\r\n', '\n').split('\n\n');
  const headers = unfold(head);
  const boundary = /boundary="([^"]+)"/.exec(head)?.[1] ?? 'none';
  const parts = rest.join('\n\n').split(`--${boundary}`);
  return {
    to: fieldOf(headers, 'To'),
    subject: decodeWords(fieldOf(headers, 'Subject')),
    headers,
    text: partOf(parts, 'text/plain'),
    html: partOf(parts, 'text/html'),
  };
}

function unfold(head: string): string[] {
  return head.replaceAll(/\n[ \t]+/g, ' ').split('\n');
}

function fieldOf(headers: readonly string[], name: string): string {
  return (
    headers
      .find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      ?.slice(name.length + 1)
      .trim() ?? ''
  );
}

function partOf(parts: readonly string[], type: string): string {
  const part = parts.find((each) => each.includes(`Content-Type: ${type}`)) ?? '';
  const [head = '', ...body] = part.trimStart().split('\n\n');
  const text = body.join('\n\n');
  if (/base64/i.test(head)) return Buffer.from(text, 'base64').toString('utf8');
  return /quoted-printable/i.test(head) ? decodeQuoted(text) : text;
}

function decodeQuoted(text: string): string {
  const bytes = text
    .replaceAll(/=\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** RFC 2047. */
function decodeWords(text: string): string {
  return text
    .replaceAll(/\?= =\?/g, '?==?')
    .replaceAll(/=\?UTF-8\?([BQ])\?([^?]*)\?=/gi, (_all, kind: string, coded: string) =>
      kind.toUpperCase() === 'B'
        ? Buffer.from(coded, 'base64').toString('utf8')
        : decodeQuoted(coded.replaceAll('_', ' ')),
    );
}
