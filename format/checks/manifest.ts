/** Owns the check of manifest.json and of the files it names, docs/PACKAGE_FORMAT.md §3. Pixels of icons are another's. */
import { CONTENTS_CATALOGUE } from '../catalogue/contents.ts';
import { MANIFEST_CATALOGUE as CODES } from '../catalogue/manifest.ts';
import type { Check, PackageContents } from '../check.ts';
import { type Finding, finding } from '../findings.ts';
import { MANIFEST_PATH } from '../layout.ts';
import { parseManifest } from '../manifest.ts';
import { printable } from '../text.ts';

/** Findings of the manifest itself, then of `entry` and `icons` that name no file of the package. */
export const manifestCheck: Check = {
  name: 'manifest',
  kind: 'format',
  findings: { CONTENT_MANIFEST_MISSING: CONTENTS_CATALOGUE.CONTENT_MANIFEST_MISSING, ...CODES },
  run: checkManifest,
};

function checkManifest({ files }: PackageContents): Finding[] {
  const bytes = files.get(MANIFEST_PATH);
  if (bytes === undefined) {
    return [finding(CONTENTS_CATALOGUE.CONTENT_MANIFEST_MISSING, 'The package has no manifest.json at its root.')];
  }
  const { manifest, findings, placeOf } = parseManifest(bytes);
  if (manifest === null) return [...findings];
  const missing: Finding[] = [];
  if (!files.has(manifest.entry)) {
    const message = `The entry ${printable(manifest.entry)} is not in the package.`;
    missing.push(finding(CODES.MANIFEST_ENTRY_MISSING, message, placeOf(['entry'])));
  }
  for (const [size, path] of Object.entries(manifest.icons)) {
    if (files.has(path)) continue;
    const message = `The icon "${size}", ${printable(path)}, is not in the package.`;
    missing.push(finding(CODES.MANIFEST_ICON_MISSING, message, placeOf(['icons', size])));
  }
  return [...findings, ...missing];
}
