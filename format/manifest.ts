/** Owns reading manifest.json, docs/PACKAGE_FORMAT.md §3: bytes in, manifest and findings out. It looks at no other file. */
import type { z } from 'zod';
import { MANIFEST_CATALOGUE as CODES } from './catalogue/manifest.ts';
import { FindingList } from './finding-list.ts';
import type { CatalogueEntry, Finding, FindingPlace } from './findings.ts';
import { type JsonProblem, parseJson, type TextPlace } from './json.ts';
import { MANIFEST_PATH } from './layout.ts';
import { PACKAGE_LIMITS, type PackageLimits } from './limits.ts';
import { type Manifest, manifestSchema } from './manifest-schema.ts';
import { decodeUtf8, printable } from './text.ts';

export type { Manifest } from './manifest-schema.ts';

export interface ManifestReport {
  /** Null when any finding is an error. */
  readonly manifest: Manifest | null;
  readonly findings: readonly Finding[];
  /** Where a key stands, for checks that compare it with other files. */
  readonly placeOf: (path: readonly PropertyKey[]) => FindingPlace;
}

const JSON_CODES: Readonly<Record<JsonProblem, CatalogueEntry>> = {
  syntax: CODES.MANIFEST_JSON_SYNTAX,
  'duplicate-key': CODES.MANIFEST_DUPLICATE_KEY,
  'too-deep': CODES.MANIFEST_TOO_DEEP,
};

/** Parses and checks the bytes of manifest.json; never throws for bad input. */
export function parseManifest(bytes: Uint8Array, limits: PackageLimits = PACKAGE_LIMITS): ManifestReport {
  const findings = new FindingList(limits.maxFindings);
  const placed = (place: TextPlace | null): FindingPlace => ({ file: MANIFEST_PATH, ...place });
  const refused = (): ManifestReport => ({ manifest: null, findings: findings.list(), placeOf: () => placed(null) });
  if (bytes.length > limits.maxManifestBytes) {
    const message = `The manifest has ${bytes.length} bytes; at most ${limits.maxManifestBytes} are allowed.`;
    findings.add(CODES.MANIFEST_TOO_LARGE, message, placed(null));
    return refused();
  }
  const text = decodeUtf8(bytes);
  if (text === null) {
    findings.add(CODES.MANIFEST_NOT_UTF8, 'The manifest is not UTF-8.', placed(null));
    return refused();
  }
  const json = parseJson(text, limits.maxManifestDepth);
  if (!json.ok) {
    findings.add(JSON_CODES[json.problem], printable(json.message), placed(json.place));
    return refused();
  }
  const placeOf = (path: readonly PropertyKey[]): FindingPlace => placed(nearestPlace(json.placeOf, path));
  const parsed = manifestSchema.safeParse(json.value);
  for (const issue of parsed.error?.issues ?? []) addIssue(issue, json.value, placeOf(issue.path), findings);
  addUnknownKeys(json.value, placeOf, findings);
  return { manifest: parsed.success ? parsed.data : null, findings: findings.list(), placeOf };
}

/** A key that is missing has no place; the object that lacks it does. */
function nearestPlace(
  placeOf: (path: readonly PropertyKey[]) => TextPlace | null,
  path: readonly PropertyKey[],
): TextPlace | null {
  for (let length = path.length; length >= 0; length -= 1) {
    const place = placeOf(path.slice(0, length));
    if (place !== null) return place;
  }
  return null;
}

function addIssue(issue: z.core.$ZodIssue, root: unknown, place: FindingPlace, findings: FindingList): void {
  const key = issue.path.map(String).join('.');
  const value = valueAt(root, issue.path);
  if (value === undefined) {
    findings.add(CODES.MANIFEST_KEY_MISSING, `The key ${printable(key)} is missing.`, place);
    return;
  }
  const entry = isCode(issue.message) ? CODES[issue.message] : CODES.MANIFEST_JSON_SYNTAX;
  const subject = key === '' ? 'The manifest' : printable(key);
  findings.add(entry, `${subject} is ${shown(value)}: ${entry.title}.`, place);
}

function isCode(text: string): text is keyof typeof CODES {
  return Object.hasOwn(CODES, text);
}

function shown(value: unknown): string {
  return printable(JSON.stringify(value), 80);
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (!isRecord(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[String(key)];
  }
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const KNOWN_KEYS: readonly { readonly path: readonly string[]; readonly keys: ReadonlySet<string> }[] = [
  { path: [], keys: new Set(Object.keys(manifestSchema.shape)) },
  { path: ['author'], keys: new Set(Object.keys(manifestSchema.shape.author.shape)) },
  { path: ['icons'], keys: new Set(Object.keys(manifestSchema.shape.icons.unwrap().shape)) },
];

function addUnknownKeys(root: unknown, placeOf: ManifestReport['placeOf'], findings: FindingList): void {
  for (const { path, keys } of KNOWN_KEYS) {
    const object = valueAt(root, path);
    if (!isRecord(object) || Array.isArray(object)) continue;
    for (const key of Object.keys(object)) {
      if (keys.has(key)) continue;
      const name = printable([...path, key].join('.'));
      findings.add(CODES.MANIFEST_KEY_UNKNOWN, `The key ${name} is not part of the format.`, placeOf([...path, key]));
    }
  }
}
