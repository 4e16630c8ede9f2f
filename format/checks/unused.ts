/** Owns the check for files that nothing in the package refers to. It only informs, and says nothing where it cannot know. */
import { readDocuments } from '../assets/documents.ts';
import type { Check, PackageContents } from '../check.ts';
import { FindingList } from '../finding-list.ts';
import { defineCatalogue } from '../findings.ts';
import { LOCALES_FOLDER, MANIFEST_PATH, SIGNATURE_PATH } from '../layout.ts';
import { PACKAGE_LIMITS } from '../limits.ts';
import { Lexer } from '../lua/lexer.ts';
import { LuaSyntaxError, TOKEN } from '../lua/tokens.ts';
import { printable } from '../text.ts';

export const UNUSED_CATALOGUE = defineCatalogue({
  FILE_UNUSED: {
    severity: 'notice',
    title: 'Nothing refers to this file',
    why: 'A file that no document, sheet, script or table names is often a leftover; every device stores and updates it.',
    fix: 'Remove the file, or name it where it is used. Ignore this where its name is made at run time.',
    bad: 'assets/images/old_logo.png, which no file of the package names',
    good: '<img src="images/logo.png"/>',
    section: '2',
  },
  FILE_USE_UNKNOWN: {
    severity: 'notice',
    title: 'Unused files were not looked for',
    why: 'Some file is too large or too broken to be searched for the files that it names, so none can be called unused.',
    fix: 'Mend or split the file that is named here.',
    bad: 'assets/levels.json of 12 MiB',
    good: 'assets/levels/1.json to 40.json of 300 KiB each',
    section: '2',
  },
});

/** All text that is searched for names; about a second of work. */
const MAX_TOTAL_BYTES = 32 * 1024 * 1024;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const SEARCHED = /\.(?:rml|rcss|json|lua)$/;
/** What is there for people: licences and notes. */
const FOR_PEOPLE =
  /(?:\.md|(?:^|\/)[^/]*(?:licen[cs]e|notice|credits|authors|copying|readme|changelog|ofl)[^/]*\.txt)$/i;
const QUOTED = /"([^"\n]{1,512})"|'([^'\n]{1,512})'/g;
const WORD = /[^\s"'`<>(){}[\],;=|&]{3,512}/g;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A file counts as used by another that names it, by its path or the end of it, in any document, sheet, table or script. */
export const unusedCheck: Check = {
  name: 'unused',
  kind: 'policy',
  findings: UNUSED_CATALOGUE,
  run: (contents) => {
    const found = new FindingList(PACKAGE_LIMITS.maxFindings);
    if (contents.manifest === null) return found.list();
    const names = new Names(contents);
    const unread = readNames(contents, names);
    if (unread !== null) {
      const message = `References in ${printable(unread)} could not be read.`;
      found.add(UNUSED_CATALOGUE.FILE_USE_UNKNOWN, message, { file: printable(unread) });
      return found.list();
    }
    const caution = names.hasDynamic ? ' Files whose paths Lua builds were left out.' : '';
    for (const file of names.unused())
      found.add(UNUSED_CATALOGUE.FILE_UNUSED, `Nothing in the package refers to this file.${caution}`, {
        file: printable(file),
      });
    return found.list();
  },
};

/** Notes every name in every file; gives the first file that could not be read, or null. */
function readNames(contents: PackageContents, names: Names): string | null {
  const { documents, unread } = readDocuments(contents);
  if (unread[0] !== undefined) return unread[0];
  let total = 0;
  for (const [file, bytes] of contents.files) {
    if (!SEARCHED.test(file) || file === MANIFEST_PATH || file.startsWith(LOCALES_FOLDER)) continue;
    total += bytes.length;
    if (bytes.length > MAX_FILE_BYTES || total > MAX_TOTAL_BYTES) return file;
    const text = utf8.decode(bytes);
    if (!file.endsWith('.lua')) readText(file, file.endsWith('.json') ? text : withoutComments(text), names);
    else if (!readLua(file, text, names)) return file;
  }
  for (const document of documents) for (const { text } of document.lua) readLua(document.file, text, names);
  return null;
}

/** Comments of markup and of sheets taken out, in linear time; one that is never closed stays. */
function withoutComments(text: string): string {
  let rest = text;
  for (const [open, close] of [
    ['<!--', '-->'],
    ['/*', '*/'],
  ] as const) {
    const parts: string[] = [];
    let from = 0;
    for (let start = rest.indexOf(open); start >= 0; start = rest.indexOf(open, from)) {
      const end = rest.indexOf(close, start + open.length);
      if (end < 0) break;
      parts.push(rest.slice(from, start));
      from = end + close.length;
    }
    rest = parts.length === 0 ? rest : `${parts.join(' ')} ${rest.slice(from)}`;
  }
  return rest;
}

/** Markup, sheets and tables: every quoted text and every word may be a name. */
function readText(file: string, text: string, names: Names): void {
  for (const match of text.matchAll(QUOTED)) names.mention(match[1] ?? match[2] ?? '', file);
  for (const [word] of text.matchAll(WORD)) names.mention(word, file);
}

/** String constants of Lua; false where the source has no tokens to the end. */
function readLua(file: string, text: string, names: Names): boolean {
  try {
    const lexer = new Lexer(text);
    let sinceRequire = 9;
    let joined = false;
    for (; lexer.kind !== TOKEN.end; sinceRequire += 1) {
      if (lexer.kind !== TOKEN.string) {
        if (lexer.kind === TOKEN.name && lexer.value === 'require') sinceRequire = 0;
        joined = lexer.is('..');
        lexer.next();
        continue;
      }
      const { value } = lexer;
      lexer.next();
      readConstant(file, value, joined || lexer.is('..'), names);
      if (sinceRequire <= 2) names.mentionModule(value, file);
      joined = false;
    }
    return true;
  } catch (error) {
    if (error instanceof LuaSyntaxError) return false;
    throw error;
  }
}

/** A folder, an extension or a pattern is a part of names that are made at run time; anything else may be a name or markup. */
function readConstant(file: string, value: string, isJoined: boolean, names: Names): void {
  const hole = value.search(/%[0-9.]*[a-z]/);
  const stem = hole < 0 ? value : value.slice(0, hole);
  const slash = stem.lastIndexOf('/');
  if (slash >= 0 && (isJoined || hole >= 0 || slash === value.length - 1))
    names.dynamicFolder(stem.slice(0, slash + 1));
  const extension = endingOf(value);
  if (extension !== undefined && (isJoined || hole >= 0 || extension === value)) names.dynamicExtension(extension);
  names.mention(value, file);
  if (/[\s"'<>(]/.test(value)) readText(file, value, names);
}

/** The extension that a constant ends in, unless it is that of a whole path; in linear time. */
function endingOf(value: string): string | undefined {
  const extension = /\.[a-z0-9]{2,5}$/.exec(value.slice(-6))?.[0];
  if (extension === undefined) return undefined;
  const end = value.length - extension.length;
  let start = end;
  while (start > 0 && !/[/\s]/.test(value.charAt(start - 1))) start--;
  const isWhole = start > 0 && value.charAt(start - 1) === '/' && !/\W/.test(value.slice(start, end));
  return isWhole ? undefined : extension;
}

/** Which files are named by which. Each name is looked up once or twice, however often it stands in the package. */
class Names {
  hasDynamic = false;
  private readonly contents: PackageContents;
  /** Files by each end of their path: `b/c.png` and `c.png` for `a/b/c.png`. */
  private readonly byEnd = new Map<string, string[]>();
  private readonly used = new Set<string>();
  /** Names that were looked up, with the file that had them; null once two had. */
  private readonly seen = new Map<string, string | null>();
  private readonly folders = new Set<string>();
  private readonly extensions = new Set<string>();

  constructor(contents: PackageContents) {
    this.contents = contents;
    for (const path of contents.files.keys())
      for (let at = 0; at >= 0; at = path.indexOf('/', at) + 1 || -1) {
        const end = path.slice(at);
        const files = this.byEnd.get(end);
        if (files === undefined) this.byEnd.set(end, [path]);
        else files.push(path);
      }
  }

  mention(text: string, by: string): void {
    const name = (text.split(/[?#]/, 1)[0] ?? '').replace(/^(?:\.{0,2}\/)+/, '');
    if (name === '' || name.length > 512 || !this.byEnd.has(name)) return;
    const before = this.seen.get(name);
    if (before === null || before === by) return;
    this.seen.set(name, before === undefined ? by : null);
    for (const path of this.byEnd.get(name) ?? []) if (path !== by) this.used.add(path);
  }

  mentionModule(name: string, by: string): void {
    const path = name.includes('/') ? name : name.replaceAll('.', '/');
    this.mention(`${path}.lua`, by);
    this.mention(`${path}/init.lua`, by);
  }

  dynamicFolder(folder: string): void {
    const name = folder.replace(/^(?:\.{0,2}\/)+/, '');
    if (name === '' || /[\s:<>"]/.test(name) || this.folders.size >= 200) return;
    this.folders.add(name);
    this.hasDynamic = true;
  }

  dynamicExtension(extension: string): void {
    if (this.extensions.size >= 200) return;
    this.extensions.add(extension);
    this.hasDynamic = true;
  }

  unused(): string[] {
    const { manifest, files } = this.contents;
    const roots = new Set<string>([
      MANIFEST_PATH,
      SIGNATURE_PATH,
      manifest?.entry ?? '',
      ...Object.values(manifest?.icons ?? {}),
    ]);
    return [...files.keys()].filter(
      (path) =>
        !roots.has(path) &&
        !this.used.has(path) &&
        !/^locales\/[^/]+\.json$/.test(path) &&
        !FOR_PEOPLE.test(path) &&
        !this.isDynamic(path),
    );
  }

  private isDynamic(path: string): boolean {
    if (this.extensions.has(path.slice(path.lastIndexOf('.')))) return true;
    for (const folder of this.folders) if (path.startsWith(folder) || path.includes(`/${folder}`)) return true;
    return false;
  }
}
