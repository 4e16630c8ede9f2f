/** Owns the icon check: each icon of the manifest is a PNG that decodes, of exactly its size. */
import { decodePng } from '../assets/png.ts';
import { ICON_CATALOGUE } from '../catalogue/assets.ts';
import type { Check } from '../check.ts';
import { type Finding, finding } from '../findings.ts';
import { printable } from '../text.ts';

/** Docs/PACKAGE_FORMAT.md §3 and §6. A package without the icon "64" is valid, but cannot be submitted. */
export const iconsCheck: Check = {
  name: 'icons',
  kind: 'policy',
  findings: ICON_CATALOGUE,
  run: ({ files, manifest }) => {
    if (manifest === null) return [];
    const found: Finding[] = [];
    const icons = new Map<string, string | undefined>(Object.entries(manifest.icons));
    for (const [size, path] of icons) if (path !== undefined) found.push(...checkIcon(size, path, files.get(path)));
    if (icons.get('64') === undefined)
      found.push(
        finding(ICON_CATALOGUE.ICON_64_MISSING, 'The manifest names no icon of 64 pixels.', { file: 'manifest.json' }),
      );
    return found;
  },
};

function checkIcon(size: string, path: string, bytes: Uint8Array | undefined): Finding[] {
  const file = printable(path);
  // A missing file is the manifest check's to report.
  if (bytes === undefined) return [];
  const image = decodePng(bytes);
  if (!image.ok) return [finding(ICON_CATALOGUE.ICON_NOT_PNG, `The icon is refused: ${image.message}.`, { file })];
  const { width, height } = image.header;
  if (width === Number(size) && height === width) return [];
  const message = `The icon "${size}" has ${width} by ${height} pixels.`;
  return [finding(ICON_CATALOGUE.ICON_SIZE, message, { file })];
}
