/** Owns the parsing of RCSS, RmlUi's style sheets: blocks, declarations and what they refer to. It opens no file. */

/** A word of a sheet that names a file or a sprite. */
export interface RcssReference {
  readonly kind: 'file' | 'sprite';
  readonly name: string;
  readonly at: number;
}
export interface RcssSheet {
  readonly references: readonly RcssReference[];
  /** Names that its @spritesheet rules define. */
  readonly sprites: readonly string[];
  readonly errors: readonly { readonly message: string; readonly at: number }[];
}

const MAX_DEPTH = 8;
const MAX_ERRORS = 20;
const MAX_REFERENCES = 20_000;
/** A selector or a declaration; nobody writes a longer one. */
const MAX_PART = 64 * 1024;
/** At-rules whose block holds declarations; that of any other holds rules. */
const DECLARATION_RULES: ReadonlySet<string> = new Set(['font-face', 'spritesheet', 'decorator']);
const FILE_NAME = /\.(?:png|jpe?g|webp|tga|svg|json|lottie|ttf|otf|woff2?|rcss|rml)$/i;
/** Functions of decorators whose arguments are images or sprites. */
const IMAGE_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['image', 'ninepatch', 'tiled-box', 'tiled-horizontal', 'tiled-vertical', 'mask-image'],
]);
/** Words that those functions take besides. */
const IMAGE_WORDS =
  /^(?:[-+.\d].*|none|fill|contain|cover|scale-(?:none|down)|repeat(?:-[xy])?|left|right|top|bottom|center|flip-(?:horizontal|vertical)|rotate-180|border-box|padding-box|content-box)$/;

interface Block {
  readonly at: number;
  /** `rules` for what may hold further blocks. */
  readonly holds: 'rules' | 'declarations';
  readonly isSpritesheet: boolean;
}

/** Parses a sheet in linear time, without recursion; it never throws. */
export function parseRcss(text: string): RcssSheet {
  const parser = new RcssParser(text);
  parser.sheet();
  return parser;
}

/** Parses the declarations of a `style` attribute. */
export function parseDeclarations(text: string): RcssSheet {
  const parser = new RcssParser(text);
  parser.inline();
  return parser;
}

class RcssParser implements RcssSheet {
  readonly references: RcssReference[] = [];
  readonly sprites: string[] = [];
  readonly errors: { message: string; at: number }[] = [];
  private readonly text: string;
  private readonly open: Block[] = [];
  private pos = 0;
  /** Whether a reference more was refused already. */
  private isFull = false;

  constructor(text: string) {
    this.text = text;
  }

  private fail(message: string, at: number): void {
    if (this.errors.length < MAX_ERRORS) this.errors.push({ message, at });
  }

  sheet(): void {
    if (this.text.charCodeAt(0) === 0xfeff) this.pos = 1;
    while (this.pos < this.text.length) this.part();
    const block = this.open.at(-1);
    if (block !== undefined) this.fail('this block is never closed', block.at);
  }

  inline(): void {
    while (this.pos < this.text.length) {
      const { start, end, stop } = this.upToStop();
      this.pos = end + 1;
      if (stop === '{' || stop === '}') this.fail(`"${stop}" in a style attribute`, end);
      else this.declaration(start, end, null);
    }
  }

  /** Reads up to the next `;`, `{` or `}`, and judges what stands before it. */
  private part(): void {
    const { start, end, stop } = this.upToStop();
    this.pos = end + 1;
    const block = this.open.at(-1);
    if (stop === '{') this.openBlock(start, end, block);
    else if (stop === '}') {
      if (block?.holds === 'declarations') this.declaration(start, end, block);
      else this.noSelector(start, end);
      if (block === undefined) this.fail('this "}" closes nothing', end);
      this.open.pop();
    } else if (block?.holds === 'declarations') this.declaration(start, end, block);
    else this.statement(start, end);
  }

  private statement(start: number, end: number): void {
    const text = this.slice(start, end);
    if (text.startsWith('@')) this.fail('this at-rule is not known to RCSS', start);
    else this.noSelector(start, end);
  }

  private noSelector(start: number, end: number): void {
    if (this.slice(start, end) !== '') this.fail('a block { … } is expected after the selector', start);
  }

  private openBlock(start: number, end: number, outer: Block | undefined): void {
    const head = this.slice(start, end);
    if (outer?.holds === 'declarations') this.fail('a block inside a block of declarations; is a "}" missing?', end);
    else if (head === '') this.fail('a selector is expected before "{"', end);
    const rule = /^@([a-z-]{1,40})/i.exec(head)?.[1]?.toLowerCase();
    if (head.startsWith('@') && rule === undefined) this.fail('the name of this at-rule is missing', start);
    const holdsRules = rule !== undefined && !DECLARATION_RULES.has(rule);
    this.open.push({ at: end, holds: holdsRules ? 'rules' : 'declarations', isSpritesheet: rule === 'spritesheet' });
    if (this.open.length > MAX_DEPTH) {
      this.fail(`nested more than ${MAX_DEPTH} levels deep`, end);
      this.pos = this.text.length;
      this.open.length = 0;
    }
  }

  private declaration(start: number, end: number, block: Block | null): void {
    const text = this.slice(start, end);
    if (text === '') return;
    const colon = text.indexOf(':');
    const name = text.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    const first = this.firstOf(start, end);
    if (colon < 0) this.fail(`"${text.slice(0, 40)}" is no declaration; a ":" is missing`, first);
    else if (!/^(?:--)?-?[a-z_][\w-]*$/i.test(name))
      this.fail(`"${name.slice(0, 40)}" is no name of a property`, first);
    else if (text.slice(colon + 1).trim() === '') this.fail(`"${name.slice(0, 40)}" has no value`, first);
    else this.value(name, text.slice(colon + 1), first + colon + 1, block);
  }

  private value(name: string, value: string, at: number, block: Block | null): void {
    if (block?.isSpritesheet === true && name !== 'src' && name !== 'resolution') this.sprites.push(name);
    if (name === 'src') {
      const word = unquote(value.trim());
      if (!/^url\s*\(/i.test(word)) this.refer('file', word, at + leading(value));
    }
    const call = /([a-z-]{1,40})\s*\(([^()]*)\)/gi;
    for (let match = call.exec(value); match !== null; match = call.exec(value)) {
      const fn = (match[1] ?? '').toLowerCase();
      const open = match.index + match[0].indexOf('(') + 1;
      if (fn === 'url') this.refer('file', unquote((match[2] ?? '').trim()), at + open);
      else if (IMAGE_FUNCTIONS.has(fn)) this.images(match[2] ?? '', at + open);
    }
  }

  private images(args: string, at: number): void {
    let offset = 0;
    for (const argument of args.split(',')) {
      const word = firstWord(argument.trim());
      const name = unquote(word);
      if (name !== '' && !IMAGE_WORDS.test(name))
        this.refer(
          FILE_NAME.test(name) || name.includes('/') ? 'file' : 'sprite',
          name,
          at + offset + leading(argument),
        );
      offset += argument.length + 1;
    }
  }

  private refer(kind: RcssReference['kind'], name: string, at: number): void {
    if (name === '') return;
    if (this.references.length < MAX_REFERENCES) this.references.push({ kind, name, at });
    else if (!this.isFull) {
      this.isFull = true;
      this.fail(`more than ${MAX_REFERENCES} references to files and sprites`, at);
    }
  }

  /** The text between two offsets without comments and outer blanks. */
  private slice(start: number, end: number): string {
    return blankComments(this.text.slice(start, end)).trim();
  }

  private firstOf(start: number, end: number): number {
    return start + leading(blankComments(this.text.slice(start, end)));
  }

  private upToStop(): { start: number; end: number; stop: string } {
    const text = this.text;
    const start = this.pos;
    let parens = 0;
    for (let pos = start; pos < text.length; pos++) {
      const c = text.charCodeAt(pos);
      if (c === 34 || c === 39) pos = this.stringEnd(pos, c);
      else if (c === 47 && text.charCodeAt(pos + 1) === 42) pos = this.commentEnd(pos);
      else if (c === 40) parens++;
      else if (c === 41) parens = Math.max(0, parens - 1);
      else if (c === 123 || c === 125 || (c === 59 && parens === 0)) {
        if (parens > 0) this.fail('a "(" is never closed', start + leading(text.slice(start, pos)));
        return this.withinBound(start, pos, text.charAt(pos));
      }
    }
    return this.withinBound(start, text.length, '');
  }

  /** A part that is too long is refused, and counts as an empty one. */
  private withinBound(start: number, end: number, stop: string): { start: number; end: number; stop: string } {
    if (end - start <= MAX_PART) return { start, end, stop };
    this.fail(`this part has over ${MAX_PART / 1024} KiB; a ";" or "}" is missing`, start);
    return { start: end, end, stop };
  }

  private stringEnd(at: number, quote: number): number {
    for (let pos = at + 1; pos < this.text.length; pos++) {
      const c = this.text.charCodeAt(pos);
      if (c === quote) return pos;
      if (c === 92) pos++;
      else if (c === 10) break;
    }
    this.fail('this string is never closed', at);
    const line = this.text.indexOf('\n', at);
    return line < 0 ? this.text.length : line;
  }

  private commentEnd(at: number): number {
    const end = this.text.indexOf('*/', at + 2);
    if (end >= 0) return end + 1;
    this.fail('this comment is never closed', at);
    return this.text.length;
  }
}

/** The text with blanks for comments, of the same length. */
function blankComments(text: string): string {
  let start = text.indexOf('/*');
  if (start < 0) return text;
  const parts: string[] = [];
  let from = 0;
  while (start >= 0) {
    const close = text.indexOf('*/', start + 2);
    const end = close < 0 ? text.length : close + 2;
    parts.push(text.slice(from, start), ' '.repeat(end - start));
    from = end;
    start = text.indexOf('/*', end);
  }
  return parts.join('') + text.slice(from);
}

function leading(text: string): number {
  return text.length - text.trimStart().length;
}

function firstWord(text: string): string {
  const quote = text.charAt(0);
  if (quote === '"' || quote === "'") {
    const end = text.indexOf(quote, 1);
    return end < 0 ? text : text.slice(0, end + 1);
  }
  const blank = text.search(/\s/);
  return blank < 0 ? text : text.slice(0, blank);
}

function unquote(text: string): string {
  const quote = text.charAt(0);
  return (quote === '"' || quote === "'") && text.length > 1 && text.endsWith(quote) ? text.slice(1, -1) : text;
}
