/** Owns the whole catalogue of finding codes: the source of docs pages, `mosis explain` and the portal's help. */
import { ARCHIVE_CATALOGUE } from './catalogue/archive.ts';
import { ASSET_CATALOGUE } from './catalogue/assets.ts';
import { CHECK_CATALOGUE } from './catalogue/checks.ts';
import { CONTENTS_CATALOGUE } from './catalogue/contents.ts';
import { CONTEXT_CATALOGUE } from './catalogue/context.ts';
import { FORMAT_CATALOGUE } from './catalogue/format.ts';
import { LUA_CATALOGUE } from './catalogue/lua.ts';
import { MANIFEST_CATALOGUE } from './catalogue/manifest.ts';
import { PATH_CATALOGUE } from './catalogue/paths.ts';
import { SIGNATURE_CATALOGUE } from './catalogue/signature.ts';
import type { CatalogueEntry } from './findings.ts';

const PARTS: readonly Readonly<Record<string, CatalogueEntry>>[] = [
  ARCHIVE_CATALOGUE,
  PATH_CATALOGUE,
  CONTENTS_CATALOGUE,
  MANIFEST_CATALOGUE,
  SIGNATURE_CATALOGUE,
  CONTEXT_CATALOGUE,
  LUA_CATALOGUE,
  ASSET_CATALOGUE,
  FORMAT_CATALOGUE,
  CHECK_CATALOGUE,
];

/** Every code with its entry, in the order of the sections. */
export const CATALOGUE: ReadonlyMap<string, CatalogueEntry> = new Map(
  PARTS.flatMap((part) => Object.values(part)).map((entry) => [entry.code, entry]),
);
