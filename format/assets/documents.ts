/** Owns the reading of a package's RML files, once, for the checks that need them. It judges nothing. */
import type { PackageContents } from '../check.ts';
import { folderOf, joinPath } from '../lua/modules.ts';
import type { LuaSource } from '../lua/report.ts';
import { createPlaces, type Places } from './places.ts';
import { parseRml, type RmlElement, type RmlTree } from './rml.ts';

/** Larger text files are refused by their check, unread. */
export const MAX_TEXT_BYTES = 4 * 1024 * 1024;

/** All RML that is read of a package: the trees stay in memory until the checks are done. */
const MAX_TOTAL_BYTES = 8 * 1024 * 1024;
/** Elements that are kept of all documents; text without attributes is not. */
const MAX_TOTAL_ELEMENTS = 60_000;

export interface RmlDocument {
  readonly file: string;
  readonly places: Places;
  readonly tree: RmlTree;
  /** Lua in the document: scripts, and event attributes. */
  readonly lua: readonly LuaSource[];
  /** Files that its <script src> name, resolved, whether they exist or not. */
  readonly scripts: readonly string[];
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const ATTRIBUTES: ReadonlySet<string> = new Set([
  ...['src', 'href', 'template', 'style', 'sprite', 'name', 'data-attr-src', 'data-attr-href', 'rml', 'data-rml'],
]);
const EVENT_LOCALS: readonly string[] = ['event', 'element', 'document'];

interface Documents {
  readonly documents: readonly RmlDocument[];
  /** Files that were too large to read, or came after too many others. */
  readonly unread: readonly string[];
}

const known = new WeakMap<PackageContents, Documents>();

/** The RML files of the package, parsed once for the same contents, and those that were too large. */
export function readDocuments(contents: PackageContents): Documents {
  const earlier = known.get(contents);
  if (earlier !== undefined) return earlier;
  const documents: RmlDocument[] = [];
  const unread: string[] = [];
  let total = 0;
  let elements = 0;
  for (const [file, bytes] of contents.files) {
    if (!file.endsWith('.rml')) continue;
    total += bytes.length;
    const isRead = bytes.length <= MAX_TEXT_BYTES && total <= MAX_TOTAL_BYTES && elements <= MAX_TOTAL_ELEMENTS;
    const document = isRead ? readDocument(file, utf8.decode(bytes)) : null;
    elements += document?.tree.elements.length ?? 0;
    if (document === null || elements > MAX_TOTAL_ELEMENTS) unread.push(file);
    else documents.push(document);
  }
  const result = { documents, unread };
  known.set(contents, result);
  return result;
}

/** Whether a check looks at the element; the others are dropped to save memory. */
function matters(element: RmlElement): boolean {
  return element.text !== '' || element.attributes.some(({ name }) => ATTRIBUTES.has(name) || name.startsWith('on'));
}

/** The path that a reference in a file means, or null where it leaves the package. `/` is the root of the package. */
export function resolveReference(file: string, reference: string): string | null {
  const path = reference.split(/[?#]/, 1)[0] ?? '';
  return path.startsWith('/') ? joinPath('', path) : joinPath(folderOf(file), path);
}

function readDocument(file: string, text: string): RmlDocument {
  const parsed = parseRml(text);
  const tree = { error: parsed.error, elements: parsed.elements.filter(matters) };
  const places = createPlaces(file, text);
  const lua: LuaSource[] = [];
  const scripts: string[] = [];
  for (const element of tree.elements) {
    if (element.name === 'script' && element.text.trim() !== '')
      lua.push({ ...places(element.textAt), text: element.text, locals: [] });
    for (const attribute of element.attributes) {
      if (attribute.name.startsWith('on') && attribute.value.trim() !== '')
        lua.push({ ...places(attribute.at), text: attribute.value, locals: EVENT_LOCALS });
      if (element.name !== 'script' || attribute.name !== 'src') continue;
      const script = resolveReference(file, attribute.value);
      if (script !== null) scripts.push(script);
    }
  }
  return { file, places, tree, lua, scripts };
}
