// Owns one hash over files and folders, for deciding whether something made of them is stale.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './paths.mjs';

/**
 * SHA-256 over the paths and bytes of the sources (files or folders, relative to the project), in sorted order.
 * @param {readonly string[]} sources
 * @param {ReadonlySet<string>} ignored names of folders that are left out
 * @param {(path: string) => boolean} accepts which files of folders count
 */
export function hashOf(sources, ignored = new Set(), accepts = () => true) {
  const hash = createHash('sha256');
  for (const source of sources) {
    for (const path of filesOf(source, ignored, accepts)) {
      hash
        .update(path)
        .update('\0')
        .update(readFileSync(join(ROOT, path)))
        .update('\0');
    }
  }
  return hash.digest('hex');
}

/** @returns {string[]} */
function filesOf(
  /** @type {string} */ source,
  /** @type {ReadonlySet<string>} */ ignored,
  /** @type {(path: string) => boolean} */ accepts,
) {
  if (!statSync(join(ROOT, source)).isDirectory()) return [source];
  return readdirSync(join(ROOT, source), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (ignored.has(entry.name)) return [];
      const path = `${source}/${entry.name}`;
      if (entry.isDirectory()) return filesOf(path, ignored, accepts);
      return accepts(path) ? [path] : [];
    });
}
