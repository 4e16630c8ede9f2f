/** Owns the Lua check: which Lua a package has, in files and in RML, and whether permissions match it. */

import { readDocuments } from '../assets/documents.ts';
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import type { Check, PackageContents } from '../check.ts';
import { FindingList } from '../finding-list.ts';
import { PACKAGE_LIMITS } from '../limits.ts';
import { analyseLua } from '../lua/analyse.ts';
import { inOrder, Linker } from '../lua/linker.ts';
import { folderOf, Modules } from '../lua/modules.ts';
import { PermissionUses } from '../lua/permission-uses.ts';
import type { LuaSource } from '../lua/report.ts';

/** One file; larger ones are data, which belongs in JSON. Keeps the tree of one file under about 100 MB. */
const MAX_FILE_BYTES = 1024 * 1024;
/** All Lua of a package, in bytes and in statements and expressions: about a second of work, whatever they are. */
const MAX_TOTAL_BYTES = 16 * 1024 * 1024;
const MAX_TOTAL_NODES = 600_000;

/** Scripts and event attributes in RML. */
const MAX_INLINE = 30_000;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Docs/PACKAGE_FORMAT.md §6, and of §3 the permissions in use. */
export const luaCheck: Check = {
  name: 'lua',
  kind: 'policy',
  findings: LUA_CATALOGUE,
  run: (contents) => {
    const found = new FindingList(PACKAGE_LIMITS.maxFindings);
    const uses = new PermissionUses();
    const { documents } = readDocuments(contents);
    const folders = documents.flatMap((document) => document.scripts.map(folderOf));
    const inline = documents.flatMap((document) => document.lua);
    const modules = new Modules(contents.files, folders);
    const linker = new Linker();
    // Documents repeat their handlers; a clean one that loads no module says nothing new the second time.
    const clean = new Set<string>();
    let nodesLeft = MAX_TOTAL_NODES;
    for (const source of sources(contents, inline, modules, found)) {
      if (clean.has(source.text)) continue;
      const links = {
        resolve: (name: string) => modules.resolve(name, source.file),
        value: (path: string) => linker.value(path),
      };
      const result = analyseLua(source, links, nodesLeft);
      nodesLeft -= result.nodes;
      found.addAll(result.findings);
      uses.note(result.facts, result.place);
      const isInline = source.line !== 1 || source.column !== 1 || source.locals.length > 0;
      if (!isInline && linker.note(source.file, result.value))
        found.add(
          LUA_CATALOGUE.LUA_GLOBAL_TABLE_ESCAPE,
          'What this file gives is required in a circle, or by a name that is put together, so it cannot be followed.',
          result.place(result.returnsAt),
        );
      const repeats = source.text.length < 200 && source.locals.length > 0 && !source.text.includes('require');
      if (repeats && result.findings.length === 0) clean.add(source.text);
    }
    uses.check(contents, found);
    return found.list();
  },
};

/** The Lua of a package: its files, those that others require first, then what is in its documents. */
function* sources(
  contents: PackageContents,
  inline: readonly LuaSource[],
  modules: Modules,
  found: FindingList,
): Generator<LuaSource, void, undefined> {
  let total = 0;
  const texts = new Map<string, string>();
  for (const [file, bytes] of contents.files) {
    if (!file.toLowerCase().endsWith('.lua')) continue;
    total += bytes.length;
    if (bytes[0] === 0x1b) found.add(LUA_CATALOGUE.LUA_DYNAMIC_CODE, 'This file is compiled Lua.', { file });
    else if (bytes.length > MAX_FILE_BYTES || total > MAX_TOTAL_BYTES) {
      const what = bytes.length > MAX_FILE_BYTES ? 'This file has over 1 MiB' : 'The package has over 16 MiB of Lua';
      found.add(LUA_CATALOGUE.LUA_TOO_COMPLEX, `${what}; the rest is not read.`, { file });
    } else texts.set(file, utf8.decode(bytes));
  }
  for (const file of inOrder(texts, modules))
    yield { file, text: texts.get(file) ?? '', line: 1, column: 1, locals: [] };
  for (const [i, source] of inline.entries()) {
    total += source.text.length;
    if (i < MAX_INLINE && total <= MAX_TOTAL_BYTES) yield source;
    else {
      const { file, line, column } = source;
      found.add(LUA_CATALOGUE.LUA_TOO_COMPLEX, 'The package has too much Lua in RML; the rest is not read.', {
        file,
        line,
        column,
      });
      return;
    }
  }
}
