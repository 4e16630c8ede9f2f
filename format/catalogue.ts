/** Owns the whole catalogue of finding codes: the source of docs pages, `mosis explain` and the portal's help. */
import { ARCHIVE_CATALOGUE } from './catalogue/archive.ts';
import { CHECK_CATALOGUE } from './catalogue/checks.ts';
import { CONTEXT_CATALOGUE } from './catalogue/context.ts';
import { FORMAT_CATALOGUE } from './catalogue/format.ts';
import { PATH_CATALOGUE } from './catalogue/paths.ts';
import { PROVENANCE_CATALOGUE } from './catalogue/provenance.ts';
import { SCREENSHOT_CATALOGUE } from './catalogue/screenshots.ts';
import { ARCHIVE_CHECK_NAME } from './checks/archive.ts';
import { CHECKS } from './checks/registry.ts';
import type { CatalogueEntry } from './findings.ts';

export const FINDING_KINDS = ['format', 'policy', 'context', 'server'] as const;
/** Who runs the rule (docs/PACKAGE_FORMAT.md): `server` is what happens around the checks there, and to findings themselves. */
export type FindingKind = (typeof FINDING_KINDS)[number];

/** Codes that belong together, and the check whose timeline step finds them; null where no check does. */
export interface CataloguePart {
  readonly kind: FindingKind;
  readonly check: string | null;
  readonly entries: Readonly<Record<string, CatalogueEntry>>;
}

/** Container first, then the checks in their order with the entries that each brings along. */
export const CATALOGUE_PARTS: readonly CataloguePart[] = [
  { kind: 'format', check: ARCHIVE_CHECK_NAME, entries: { ...ARCHIVE_CATALOGUE, ...PATH_CATALOGUE } },
  ...CHECKS.map(({ kind, name, findings }): CataloguePart => ({ kind, check: name, entries: findings })),
  { kind: 'context', check: null, entries: CONTEXT_CATALOGUE },
  { kind: 'server', check: 'provenance', entries: PROVENANCE_CATALOGUE },
  { kind: 'server', check: null, entries: { ...FORMAT_CATALOGUE, ...CHECK_CATALOGUE, ...SCREENSHOT_CATALOGUE } },
];

/** Every code with its entry, in the order of the parts. */
export const CATALOGUE: ReadonlyMap<string, CatalogueEntry> = new Map(
  CATALOGUE_PARTS.flatMap((part) => Object.values(part.entries)).map((entry) => [entry.code, entry]),
);

const PART_OF: ReadonlyMap<string, CataloguePart> = new Map(
  CATALOGUE_PARTS.toReversed().flatMap((part) => Object.keys(part.entries).map((code) => [code, part])),
);

/** The part that a code belongs to, the first where several checks share it; undefined for no code of ours. */
export function cataloguePart(code: string): CataloguePart | undefined {
  return PART_OF.get(code);
}
