/** Owns which crashes are the same one: a fingerprint over the normalised Lua message and stack. Pure, bounded, no regex that backtracks. */
import { createHash } from 'node:crypto';
import type { CrashType } from './events-schema.ts';

export interface CrashSignature {
  /** 32 hexadecimal digits. */
  readonly fingerprint: string;
  /** One line for people: what and where. */
  readonly title: string;
}

/** The innermost frames decide; what called them differs from use to use. */
const MAX_FRAMES = 8;
/** Lines looked at, so that a made-up stack of empty lines costs little. */
const MAX_LINES = 400;
const MAX_TITLE = 200;

interface Frame {
  readonly file: string;
  readonly function: string;
  /** Of the app itself, not of the runtime or a library outside the package. */
  readonly inPackage: boolean;
}

/**
 * The signature of a crash. Paths, line numbers, addresses, numbers and quoted values do not count, so that the same fault
 * is one group across versions and devices; names of fields, globals and functions do. Where any frame is the app's own, the
 * others do not count: they differ from one release of the runtime to the next. `override` takes the place of all of it.
 */
export function crashSignature(crash: {
  readonly crashType: CrashType;
  readonly message: string;
  readonly stackTrace: string;
  /** What the app says the crash is, whatever its message and stack. */
  readonly override?: string | undefined;
}): CrashSignature {
  const message = normaliseMessage(crash.message);
  const all = stackFrames(crash.stackTrace);
  const own = all.filter((frame) => frame.inPackage);
  const frames = (own.length > 0 ? own : all).slice(0, MAX_FRAMES);
  const parts =
    crash.override === undefined
      ? [crash.crashType, message, ...frames.map((frame) => `${frame.file}:${frame.function}`)]
      : ['override', crash.override];
  const fingerprint = createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32);
  const [place] = frames;
  const name = place?.function === '?' ? 'a function without a name' : place?.function;
  const where = place === undefined ? '' : ` in ${name} (${place.file})`;
  const shown = normaliseMessage(crash.message, SHOWN_NUMBER) || crash.crashType;
  return { fingerprint, title: `${shown}${where}`.slice(0, MAX_TITLE) };
}

/** What stands for a number: in a title a person would take a 0 for what was meant. */
const SHOWN_NUMBER = '…';

/** The first line of a message without its place, paths, addresses, numbers and quoted values. */
export function normaliseMessage(message: string, number = '0'): string {
  const line = (message.slice(0, 2_000).split('\n', 1)[0] ?? '').trim();
  return withoutPlace(line)
    .replace(/0x[0-9a-fA-F]+/g, `0x${number}`)
    .replace(/[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}/g, 'ID')
    .replace(
      /(\b(?:field|local|global|upvalue|method|constant|function|metamethod|module) )?(['"])([^'"]*)\2/g,
      keepName,
    )
    .replace(/(?:\b[A-Za-z]:)?[^\s'"/\\()]*[/\\][^\s'"()]+/g, 'PATH')
    .replace(/\b(?=[a-f]*\d)[0-9a-f]{8,}\b/gi, number)
    .replace(/\b\d+(?:\.\d+)?\b/g, number)
    .slice(0, MAX_TITLE);
}

/** In Lua's own wording a quoted word after `field`, `local` and so on is a name of the program; any other is data. */
function keepName(_whole: string, kind: string | undefined, quote: string, text: string): string {
  const isName = kind !== undefined && /^[A-Za-z_?][\w.?:]*$/.test(text);
  return `${kind ?? ''}${quote}${isName ? text : '…'}${quote}`;
}

/** Lua puts `file:line: ` before a message; nested `error` calls put several. */
function withoutPlace(line: string): string {
  let rest = line;
  for (let depth = 0; depth < 3; depth += 1) {
    const match = /^(?:\[string "[^"]{0,200}"?\]|[^\s:]{1,300}):\d{1,9}: /.exec(rest);
    if (match === null) return rest;
    rest = rest.slice(match[0].length);
  }
  return rest;
}

/** The frames of a Lua traceback, innermost first; runs of the same frame (recursion) count once. */
export function stackFrames(stackTrace: string): Frame[] {
  const frames: Frame[] = [];
  for (const line of stackTrace.split('\n', MAX_LINES)) {
    const frame = parseFrame(line.trim().slice(0, 1_000));
    const last = frames.at(-1);
    if (frame === null || (last?.file === frame.file && last.function === frame.function)) continue;
    frames.push(frame);
  }
  return frames;
}

/** `path:12: in function 'name'`, `[C]: in ?`, `path:12: in main chunk`, `path:9: in upvalue 'f'`; null for other lines. */
function parseFrame(line: string): Frame | null {
  const split = line.indexOf(': in ');
  if (split === -1) return null;
  const place = line.slice(0, split);
  const file = place === '[C]' ? '[C]' : normaliseFile(place.replace(/:\d+$/, ''));
  return { file, function: functionName(line.slice(split + ': in '.length)), inPackage: isInPackage(place) };
}

/** Lua names the package's files relative to it, or with the folder it is installed in; the runtime's are elsewhere. */
function isInPackage(place: string): boolean {
  if (place === '[C]') return false;
  return !/^@?(?:[/\\]|[A-Za-z]:[/\\])/.test(place) || /[/\\]package[/\\]/.test(place);
}

function functionName(text: string): string {
  if (text.startsWith('main chunk')) return 'main chunk';
  const named = /^[a-z ]{0,20}['`]([^'`]{1,120})'/.exec(text) ?? /^(?:function|method) ([^\s<>]{1,120})/.exec(text);
  // An anonymous function is `function <file:line>`: its line moves with every edit, so it has no name of its own.
  return named?.[1] ?? '?';
}

/** Without the folder it is installed in, and by its last part only where Lua has cut the front off (`...ripts/app.lua`). */
function normaliseFile(place: string): string {
  if (place.startsWith('[string ')) return '[string]';
  const path = place.replaceAll('\\', '/').replace(/^@/, '');
  if (path.startsWith('...')) return `…/${path.slice(path.lastIndexOf('/') + 1)}`;
  const root = path.lastIndexOf('/package/');
  return (root === -1 ? path : path.slice(root + '/package/'.length)).replace(/^(?:\.?\/)+/, '');
}
