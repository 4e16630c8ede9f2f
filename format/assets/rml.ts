/**
 * Owns the parsing of RML, the XML-like markup of RmlUi: tags, attributes, raw elements and their offsets. It follows no reference.
 *
 * Strict where RmlUi forgives: every element is closed, in order. Lenient where RmlUi is: attributes may have no quotes or no
 * value, and braces of data bindings (`{{ a < b }}`) may hold anything.
 */
export interface RmlAttribute {
  readonly name: string;
  /** With entities decoded. */
  readonly value: string;
  /** Offset of the first character of the value. */
  readonly at: number;
}
export interface RmlElement {
  /** In lower case, as RmlUi compares it. */
  readonly name: string;
  readonly at: number;
  readonly attributes: readonly RmlAttribute[];
  /** The text of a raw element (`script`, `style`), and its offset. */
  readonly text: string;
  readonly textAt: number;
}
export interface RmlError {
  readonly message: string;
  readonly at: number;
}
export interface RmlTree {
  readonly elements: readonly RmlElement[];
  /** The first error; what stands before it was read. */
  readonly error: RmlError | null;
}

const MAX_DEPTH = 256;
const MAX_ELEMENTS = 50_000;
const MAX_ATTRIBUTES = 200;
const RAW: ReadonlySet<string> = new Set(['script', 'style']);
const ROOTS: ReadonlySet<string> = new Set(['rml', 'template']);

class RmlSyntaxError extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** Parses RML in linear time, without recursion; it never throws. */
export function parseRml(text: string): RmlTree {
  const parser = new RmlParser(text);
  try {
    parser.parse();
    return { elements: parser.elements, error: null };
  } catch (error) {
    if (error instanceof RmlSyntaxError)
      return { elements: parser.elements, error: { message: error.message, at: error.at } };
    throw error;
  }
}

class RmlParser {
  readonly elements: RmlElement[] = [];
  private readonly open: { name: string; at: number }[] = [];
  private readonly text: string;
  private pos: number;

  constructor(text: string) {
    this.text = text;
    this.pos = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  }

  parse(): void {
    while (this.pos < this.text.length) {
      const tag = this.skipText();
      if (tag < 0) break;
      this.pos = tag;
      if (this.text.startsWith('<!--', tag)) this.skipPast('-->', 4, 'comment');
      else if (this.text.startsWith('<![CDATA[', tag)) this.skipCdata();
      else if (this.text.startsWith('<?', tag)) this.skipHeader();
      else if (this.text.startsWith('<!', tag)) throw new RmlSyntaxError('RML has no declarations', tag);
      else if (this.text.startsWith('</', tag)) this.closeTag();
      else this.openTag();
    }
    const unclosed = this.open.at(-1);
    if (unclosed !== undefined) throw new RmlSyntaxError(`<${unclosed.name}> is never closed`, unclosed.at);
    if (this.elements.length === 0) throw new RmlSyntaxError('there is no <rml> element', 0);
  }

  /** Goes over text up to the next tag, past data bindings, and gives the tag's offset or -1. */
  private skipText(): number {
    const text = this.text;
    let pos = this.pos;
    for (; pos < text.length; pos++) {
      const c = text.charCodeAt(pos);
      if (c === 60) break;
      if (c === 123 && text.charCodeAt(pos + 1) === 123) {
        const end = text.indexOf('}}', pos + 2);
        if (end < 0) throw new RmlSyntaxError('this {{ is never closed', pos);
        if (/<\/|\/>/.test(text.slice(pos, end))) throw new RmlSyntaxError('a tag ends between {{ and }}', pos);
        pos = end + 1;
      } else if (this.open.length === 0 && !isSpace(c)) throw new RmlSyntaxError('text outside of <rml>', pos);
    }
    return pos < text.length ? pos : -1;
  }

  private skipPast(close: string, skip: number, what: string): void {
    const end = this.text.indexOf(close, this.pos + skip);
    if (end < 0) throw new RmlSyntaxError(`this ${what} is never closed`, this.pos);
    // RmlUi takes the marks before the ">" three by three, so that it reads past "--->" and on into what follows.
    let run = end;
    while (run > this.pos + skip && this.text[run - 1] === close[0]) run--;
    if ((end - run) % 3 !== 0) throw new RmlSyntaxError(`this ${what} does not end in "${close}" alone`, end);
    this.pos = end + close.length;
  }

  /** RmlUi reads the text of such a section as markup once more. */
  private skipCdata(): void {
    const at = this.pos;
    this.skipPast(']]>', 9, 'CDATA section');
    if (this.text.slice(at + 1, this.pos).includes('<'))
      throw new RmlSyntaxError('a CDATA section with markup in it', at);
  }

  /** `<?xml … ?>` as the very first thing. RmlUi goes to the next ">", and knows no instruction anywhere else. */
  private skipHeader(): void {
    const at = this.pos;
    const end = this.text.indexOf('>', at);
    if (/[^ \t\r\n]/.test(this.text.slice(0, at)) || this.text[end - 1] !== '?' || end - at < 3)
      throw new RmlSyntaxError('an instruction that is no <?xml … ?> at the beginning', at);
    this.pos = end + 1;
  }

  private closeTag(): void {
    const at = this.pos;
    this.pos += 2;
    const name = this.name();
    this.skipSpace();
    if (this.text.charCodeAt(this.pos) !== 62) throw new RmlSyntaxError(`</${name} lacks its ">"`, at);
    this.pos++;
    const open = this.open.pop();
    if (open === undefined) throw new RmlSyntaxError(`</${name}> closes nothing`, at);
    if (open.name !== name) throw new RmlSyntaxError(`</${name}> where </${open.name}> is expected`, at);
  }

  private openTag(): void {
    const at = this.pos++;
    const name = this.name();
    if (this.open.length === 0) this.checkRoot(name, at);
    const attributes = this.attributes(at);
    const closed = this.text.charCodeAt(this.pos) === 47;
    if (closed) this.pos++;
    if (this.text.charCodeAt(this.pos) !== 62) throw new RmlSyntaxError(`<${name} lacks its ">"`, at);
    this.pos++;
    const textAt = this.pos;
    if (RAW.has(name) && !closed) this.skipRaw(name, at);
    const text = RAW.has(name) && !closed ? this.text.slice(textAt, this.rawEnd) : '';
    this.elements.push({ name, at, attributes, text, textAt });
    if (this.elements.length > MAX_ELEMENTS) throw new RmlSyntaxError(`more than ${MAX_ELEMENTS} elements`, at);
    if (closed || RAW.has(name)) return;
    this.open.push({ name, at });
    if (this.open.length > MAX_DEPTH) throw new RmlSyntaxError(`nested more than ${MAX_DEPTH} levels deep`, at);
  }

  private checkRoot(name: string, at: number): void {
    if (!ROOTS.has(name)) throw new RmlSyntaxError(`the root is <${name}>; a document is an <rml> element`, at);
    if (this.elements.length > 0) throw new RmlSyntaxError('more than one root element', at);
  }

  private rawEnd = 0;

  /** Goes past the closing tag of a raw element; what one reader could take for it and another not is refused. */
  private skipRaw(name: string, at: number): void {
    const tag = /<\s*\/([^<>]*)(.?)/sy;
    for (let end = this.text.indexOf('<', this.pos); end >= 0; end = this.text.indexOf('<', end + 1)) {
      tag.lastIndex = end;
      const [whole = '', inner = '', last] = tag.exec(this.text) ?? [];
      if (whole === '') continue;
      if (last === '<') throw new RmlSyntaxError(`a "</" in <${name}> without its ">"`, end);
      if (last !== '>') break;
      if (inner.trim().toLowerCase() !== name) continue;
      if (inner.trimEnd().length !== name.length || this.text[end + 1] !== '/')
        throw new RmlSyntaxError(`the tag that closes <${name}> has blanks in it`, end);
      this.rawEnd = end;
      this.pos = end + whole.length;
      return;
    }
    throw new RmlSyntaxError(`<${name}> is never closed`, at);
  }

  private name(): string {
    const start = this.pos;
    while (isNamePart(this.text.charCodeAt(this.pos))) this.pos++;
    if (this.pos === start) throw new RmlSyntaxError('a name is expected after "<"; write &lt; for the sign', start);
    return this.text.slice(start, this.pos).toLowerCase();
  }

  private attributes(tagAt: number): RmlAttribute[] {
    const found = new Map<string, RmlAttribute>();
    for (;;) {
      this.skipSpace();
      const c = this.text.charCodeAt(this.pos);
      if (c === 62 || (c === 47 && this.text.charCodeAt(this.pos + 1) === 62)) return [...found.values()];
      if (this.pos >= this.text.length) throw new RmlSyntaxError('this tag is never closed', tagAt);
      const start = this.pos;
      while (isAttributePart(this.text.charCodeAt(this.pos))) this.pos++;
      if (this.pos === start) throw new RmlSyntaxError('an attribute is expected', start);
      const name = this.text.slice(start, this.pos).toLowerCase();
      if (found.has(name)) throw new RmlSyntaxError(`the attribute "${name.slice(0, 60)}" appears twice`, start);
      if (found.size >= MAX_ATTRIBUTES) throw new RmlSyntaxError(`more than ${MAX_ATTRIBUTES} attributes`, start);
      found.set(name, this.attributeValue(name));
    }
  }

  private attributeValue(name: string): RmlAttribute {
    this.skipSpace();
    if (this.text.charCodeAt(this.pos) !== 61) return { name, value: '', at: this.pos };
    this.pos++;
    this.skipSpace();
    const quote = this.text.charCodeAt(this.pos);
    const start = this.pos;
    if (quote === 34 || quote === 39) {
      const end = this.text.indexOf(String.fromCharCode(quote), start + 1);
      if (end < 0) throw new RmlSyntaxError(`the value of "${name.slice(0, 60)}" is never closed`, start);
      this.pos = end + 1;
      return this.attribute(name, start + 1, end);
    }
    while (this.pos < this.text.length && !endsWord(this.text, this.pos)) this.pos++;
    return this.attribute(name, start, this.pos);
  }

  private attribute(name: string, at: number, end: number): RmlAttribute {
    const raw = this.text.slice(at, end);
    if (/^data-attr-on[a-z]/.test(name)) throw new RmlSyntaxError('code that is known only on the device', at);
    // In code it matters whether an entity is one: to Lua, `a &apos; b()` is two statements.
    if (name.startsWith('on') && /&(?:#|[a-z]+;)/i.test(raw.replace(CERTAIN_ENTITIES, '')))
      throw new RmlSyntaxError(`"${name.slice(0, 60)}" has an entity that not every reader of RML knows`, at);
    return { name, value: decodeEntities(raw), at };
  }

  private skipSpace(): void {
    while (isSpace(this.text.charCodeAt(this.pos))) this.pos++;
  }
}

function isSpace(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13);
}

function isNamePart(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 58) || c === 45 || c === 95 || c === 46;
}

/** Whatever ends no attribute name: NaN, the end of the text, compares false with everything. */
function isAttributePart(c: number): boolean {
  return c > 32 && c !== 61 && c !== 62 && c !== 60 && c !== 34 && c !== 39 && c !== 47;
}

function endsWord(text: string, pos: number): boolean {
  const c = text.charCodeAt(pos);
  return isSpace(c) || c === 62 || (c === 47 && text.charCodeAt(pos + 1) === 62);
}

/** What RmlUi decodes; of numbers those of printable ASCII. */
const CERTAIN_ENTITIES = /&(?:lt|gt|amp|quot|#x[2-7][0-9a-f]|#(?:3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-6]));/g;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]{2,4});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name] ?? whole;
    const isHex = name.charAt(1) === 'x' || name.charAt(1) === 'X';
    const code = Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
