/** Owns the RML check: every document parses, and what it refers to is in the package. Lua in it is the Lua check's. */
import { type RmlDocument, readDocuments, resolveReference } from '../assets/documents.ts';
import type { RmlAttribute, RmlElement } from '../assets/rml.ts';
import { RML_CATALOGUE } from '../catalogue/assets.ts';
import type { Check, PackageContents } from '../check.ts';
import { FindingList } from '../finding-list.ts';
import type { CatalogueEntry } from '../findings.ts';
import { PACKAGE_LIMITS } from '../limits.ts';
import { printable } from '../text.ts';

/** Docs/PACKAGE_FORMAT.md §6. */
export const rmlCheck: Check = {
  name: 'rml',
  kind: 'policy',
  findings: RML_CATALOGUE,
  run: (contents) => {
    const found = new FindingList(PACKAGE_LIMITS.maxFindings);
    const { documents, unread } = readDocuments(contents);
    for (const file of unread)
      found.add(
        RML_CATALOGUE.ASSET_TOO_LARGE,
        'This document is over 4 MiB, or all of them are over 8 MiB or 60,000 elements.',
        {
          file: printable(file),
        },
      );
    const templates = templateNames(documents);
    for (const document of documents) checkDocument(document, contents, templates, found);
    return found.list();
  },
};

function templateNames(documents: readonly RmlDocument[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { tree } of documents)
    for (const element of tree.elements)
      if (element.name === 'template')
        for (const { name, value } of element.attributes) if (name === 'name') names.add(value);
  return names;
}

function checkDocument(
  document: RmlDocument,
  contents: PackageContents,
  templates: ReadonlySet<string>,
  found: FindingList,
): void {
  const { tree, places, file } = document;
  const { error } = tree;
  if (error !== null)
    found.add(RML_CATALOGUE.RML_SYNTAX, `This document does not parse: ${printable(error.message)}.`, places(error.at));
  for (const element of tree.elements)
    for (const attribute of element.attributes) {
      const problem = judge(file, element, attribute, contents, templates);
      if (problem !== null) found.add(problem.entry, problem.message, places(attribute.at));
    }
}

function judge(
  file: string,
  element: RmlElement,
  attribute: RmlAttribute,
  contents: PackageContents,
  templates: ReadonlySet<string>,
): { entry: CatalogueEntry; message: string } | null {
  const kind = referenceKind(element, attribute);
  const shown = `"${printable(attribute.value)}"`;
  if (kind === null) return null;
  if (kind === 'dynamic') {
    // A script or a sheet that is known only on the device would never have been checked.
    if (element.name === 'script' || element.name === 'link')
      return { entry: RML_CATALOGUE.RML_REFERENCE_MISSING, message: `${shown} is known only on the device.` };
    const message = `What ${shown} refers to is known only on the device.`;
    return { entry: RML_CATALOGUE.RML_REFERENCE_DYNAMIC, message };
  }
  const isThere = exists(file, attribute.value, contents);
  const isNamed = kind === 'template' && templates.has(attribute.value);
  if (isNamed || (kind === 'markup' && !isThere)) return null;
  if (kind === 'template' && !isThere)
    return { entry: RML_CATALOGUE.RML_TEMPLATE_MISSING, message: `No template of the package is ${shown}.` };
  if (!isThere) return { entry: RML_CATALOGUE.RML_REFERENCE_MISSING, message: `No file of the package is ${shown}.` };
  const extension = kind === 'file' ? expectedExtension(element) : '.rml';
  if (extension === null || (attribute.value.split(/[?#]/, 1)[0] ?? '').endsWith(extension)) return null;
  return {
    entry: RML_CATALOGUE.RML_REFERENCE_TYPE,
    message: `${shown} is loaded as if it were a ${extension} file.`,
  };
}

/** The extension of what an element loads, so that what runs is what was checked; null where any will do. */
function expectedExtension(element: RmlElement): '.lua' | '.rml' | '.rcss' | null {
  if (element.name === 'script') return '.lua';
  if (element.name !== 'link') return null;
  const type = element.attributes.find((attribute) => attribute.name === 'type')?.value.toLowerCase();
  if (type === 'text/template') return '.rml';
  const isSheet = type === undefined || type === 'text/rcss' || type === 'text/css';
  return isSheet ? '.rcss' : '.rml';
}

/**
 * What an attribute refers to: a file, a template by name or path, markup that may be a file,
 * something made at run time, or nothing.
 */
function referenceKind(
  element: RmlElement,
  attribute: RmlAttribute,
): 'file' | 'template' | 'markup' | 'dynamic' | null {
  const { name, value } = attribute;
  if (name === 'data-attr-src' || name === 'data-attr-href') return 'dynamic';
  if (name === 'template' && element.name === 'body') return 'template';
  if (name === 'rml' || name === 'data-rml') return 'markup';
  if (name !== 'src' && name !== 'href') return null;
  if (value.includes('{{')) return 'dynamic';
  if (element.name === 'template') return 'template';
  // A link that the user follows loads nothing into the app; `#…` stays in the document.
  if (element.name === 'a' && (value.startsWith('#') || /^[a-z][a-z0-9+.-]*:/i.test(value))) return null;
  // RmlUi's own textures, which the host makes, begin with a question mark.
  return value.startsWith('?') && element.name === 'img' ? null : 'file';
}

function exists(file: string, reference: string, contents: PackageContents): boolean {
  const path = resolveReference(file, reference);
  return path !== null && contents.files.has(path);
}
