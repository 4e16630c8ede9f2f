/** Owns the reading of a package's RML files, once, for the checks that need them. It judges nothing. */
import type { PackageContents } from '../check.ts';
import { folderOf, joinPath } from '../lua/modules.ts';
import type { LuaSource } from '../lua/report.ts';
import { createPlaces, type Places } from './places.ts';
import { parseRml, type RmlTree } from './rml.ts';

/** Larger text files are refused by their check, unread. */
export const MAX_TEXT_BYTES = 4 * 1024 * 1024;

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
const EVENT_LOCALS: readonly string[] = ['event', 'element', 'document'];
const read = new WeakMap<PackageContents, readonly RmlDocument[]>();

/** The RML files of the package that are not too large, parsed; the same answer for the same contents. */
export function readDocuments(contents: PackageContents): readonly RmlDocument[] {
  const known = read.get(contents);
  if (known !== undefined) return known;
  const documents: RmlDocument[] = [];
  for (const [file, bytes] of contents.files)
    if (file.endsWith('.rml') && bytes.length <= MAX_TEXT_BYTES) documents.push(readDocument(file, utf8.decode(bytes)));
  read.set(contents, documents);
  return documents;
}

/** The path that a reference in a file means, or null where it leaves the package. `/` is the root of the package. */
export function resolveReference(file: string, reference: string): string | null {
  const path = reference.split(/[?#]/, 1)[0] ?? '';
  return path.startsWith('/') ? joinPath('', path) : joinPath(folderOf(file), path);
}

function readDocument(file: string, text: string): RmlDocument {
  const tree = parseRml(text);
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
