/** Owns the paths that the format gives a meaning, docs/PACKAGE_FORMAT.md §2. */

export const MANIFEST_PATH = 'manifest.json';
export const SIGNATURE_PATH = 'signature.sig';
export const LOCALES_FOLDER = 'locales/';
