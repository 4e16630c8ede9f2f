/** Owns which app a command without a PACKAGE_ID means: the one whose folder this is. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_PATH } from '../format/layout.ts';
import { parseManifest } from '../format/manifest.ts';
import { PACKAGE_ID_PATTERN } from '../format/manifest-schema.ts';
import type { Context } from './context.ts';
import { CliError, EXIT, systemCode, usageError } from './errors.ts';

/** The given package id, or that of ./manifest.json. */
export async function packageIdFor(context: Context, given: string | undefined): Promise<string> {
  if (given !== undefined) {
    if (PACKAGE_ID_PATTERN.test(given)) return given;
    throw usageError(`"${given}" is not a package id such as com.example.notes.`, 'mosis apps');
  }
  try {
    const { manifest } = parseManifest(await readFile(join(context.cwd, MANIFEST_PATH)));
    if (manifest !== null) return manifest.id;
    throw usageError('manifest.json in this folder has no usable id.', 'mosis validate, or give a PACKAGE_ID');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw usageError('PACKAGE_ID is missing, and this is no app folder.', 'mosis apps (lists yours)');
  }
}

/** What to say when an app does not exist for the viewer. */
export function noSuchApp(packageId: string, signedIn: boolean): CliError {
  return new CliError('NOT_FOUND', `There is no app ${packageId} that you may see.`, {
    exit: EXIT.notFound,
    next: signedIn ? 'mosis apps (lists yours), or mosis publish --create' : 'mosis login',
  });
}
