/** Owns the RCSS check: sheets, <style> elements and style attributes parse, and what they refer to is in the package. */
import { MAX_TEXT_BYTES, readDocuments, resolveReference } from '../assets/documents.ts';
import { createPlaces, type Places } from '../assets/places.ts';
import { parseDeclarations, parseRcss, type RcssSheet } from '../assets/rcss.ts';
import { RCSS_CATALOGUE } from '../catalogue/assets.ts';
import type { Check, PackageContents } from '../check.ts';
import { FindingList } from '../finding-list.ts';
import { PACKAGE_LIMITS } from '../limits.ts';
import { printable } from '../text.ts';

interface PlacedSheet {
  readonly file: string;
  readonly places: Places;
  readonly sheet: RcssSheet;
}

/** All sheets of a package: what they refer to stays in memory until every sprite is known. */
const MAX_TOTAL_BYTES = 8 * 1024 * 1024;
const MAX_TOTAL_REFERENCES = 40_000;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Docs/PACKAGE_FORMAT.md §6. */
export const rcssCheck: Check = {
  name: 'rcss',
  kind: 'policy',
  findings: RCSS_CATALOGUE,
  run: (contents) => {
    const found = new FindingList(PACKAGE_LIMITS.maxFindings);
    const sheets = [...fileSheets(contents, found), ...documentSheets(contents)];
    const sprites = new Set(sheets.flatMap(({ sheet }) => sheet.sprites));
    for (const sheet of sheets) checkSheet(sheet, contents, sprites, found);
    checkSpriteAttributes(contents, sprites, found);
    return found.list();
  },
};

function* fileSheets(contents: PackageContents, found: FindingList): Generator<PlacedSheet, void, undefined> {
  let total = 0;
  let references = 0;
  for (const [file, bytes] of contents.files) {
    if (!file.endsWith('.rcss')) continue;
    total += bytes.length;
    if (bytes.length > MAX_TEXT_BYTES || total > MAX_TOTAL_BYTES || references > MAX_TOTAL_REFERENCES)
      found.add(
        RCSS_CATALOGUE.ASSET_TOO_LARGE,
        'This sheet is over 4 MiB, or all of them are over 8 MiB or 40,000 references.',
        {
          file: printable(file),
        },
      );
    else {
      const text = utf8.decode(bytes);
      const sheet = parseRcss(text);
      references += sheet.references.length;
      yield { file, places: createPlaces(file, text), sheet };
    }
  }
}

function* documentSheets(contents: PackageContents): Generator<PlacedSheet, void, undefined> {
  for (const { file, places, tree } of readDocuments(contents).documents)
    for (const element of tree.elements) {
      if (element.name === 'style' && element.text !== '')
        yield { file, places: (at) => places(element.textAt + at), sheet: parseRcss(element.text) };
      for (const { name, value, at } of element.attributes)
        if (name === 'style' && !value.includes('{{'))
          yield { file, places: (offset) => places(at + offset), sheet: parseDeclarations(value) };
    }
}

function checkSheet(
  { file, places, sheet }: PlacedSheet,
  contents: PackageContents,
  sprites: ReadonlySet<string>,
  found: FindingList,
): void {
  for (const { message, at } of sheet.errors)
    found.add(RCSS_CATALOGUE.RCSS_SYNTAX, `This sheet does not parse: ${printable(message)}.`, places(at));
  for (const { kind, name, at } of sheet.references) {
    if (kind === 'sprite') checkSprite(name, sprites, () => places(at), found);
    else {
      const path = resolveReference(file, name);
      if (path === null || !contents.files.has(path))
        found.add(RCSS_CATALOGUE.RCSS_REFERENCE_MISSING, `No file of the package is "${printable(name)}".`, places(at));
    }
  }
}

function checkSpriteAttributes(contents: PackageContents, sprites: ReadonlySet<string>, found: FindingList): void {
  for (const { places, tree } of readDocuments(contents).documents)
    for (const element of tree.elements)
      for (const { name, value, at } of element.attributes)
        if (name === 'sprite' && !value.includes('{{')) checkSprite(value, sprites, () => places(at), found);
}

function checkSprite(
  name: string,
  sprites: ReadonlySet<string>,
  place: () => ReturnType<Places>,
  found: FindingList,
): void {
  if (!sprites.has(name.toLowerCase()))
    found.add(RCSS_CATALOGUE.SPRITE_MISSING, `No sprite is named "${printable(name)}".`, place());
}
