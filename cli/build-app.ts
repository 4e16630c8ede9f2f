/** Owns the way from a path to a checked package in memory, for build, sign and publish. It writes nothing. */
import { basename, join } from 'node:path';
import { buildPackage, PackageBuildError } from '../format/canonical.ts';
import { SIGNATURE_CATALOGUE } from '../format/catalogue/signature.ts';
import { SIGNATURE_PATH } from '../format/layout.ts';
import type { Manifest } from '../format/manifest.ts';
import { validateFiles, validatePackageBytes } from '../format/validate.ts';
import { type AppSource, readApp } from './app-files.ts';
import type { Outcome } from './command.ts';
import type { Context } from './context.ts';
import { EXIT } from './errors.ts';
import { findingLines, type ShownFinding, tally } from './findings.ts';
import { buildSigned, type SigningKey } from './signing-key.ts';
import { bold, red, t } from './text.ts';

export interface BuiltApp {
  readonly kind: 'built';
  readonly source: AppSource;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** The key that signed it, or null. */
  readonly keyId: string | null;
  /** Warnings and notices that are left. */
  readonly findings: readonly ShownFinding[];
}

export interface RefusedApp {
  readonly kind: 'refused';
  readonly source: AppSource;
  readonly findings: readonly ShownFinding[];
}

/** Reads an app and makes its canonical package, signed when there is a key. Findings of severity error refuse it. */
export async function buildApp(context: Context, path: string, key: SigningKey | null): Promise<BuiltApp | RefusedApp> {
  const source = await readApp(context.cwd, path);
  if (source.kind === 'package' && source.files === null) return { kind: 'refused', source, findings: source.findings };
  const unsigned = new Map(source.files ?? []);
  unsigned.delete(SIGNATURE_PATH);
  const early = await validateFiles(unsigned);
  if (!early.accepted || early.manifest === null) {
    // It was taken out, or is about to be made: that it is missing says nothing here.
    const findings = early.findings.filter(({ code }) => code !== SIGNATURE_CATALOGUE.SIGNATURE_MISSING.code);
    return { kind: 'refused', source, findings };
  }
  let bytes: Uint8Array;
  try {
    bytes = key === null ? buildPackage(unsigned) : buildSigned(unsigned, key);
  } catch (error) {
    if (error instanceof PackageBuildError) return { kind: 'refused', source, findings: error.findings };
    throw error;
  }
  // The file itself is judged once more: its own size counts too.
  const verdict = await validatePackageBytes(bytes);
  if (!verdict.accepted || verdict.manifest === null || verdict.sha256 === null)
    return { kind: 'refused', source, findings: verdict.findings };
  const { manifest, sha256, keyId, findings } = verdict;
  return { kind: 'built', source, manifest, bytes, sha256, keyId, findings };
}

/** `dist/<id>-<version>.mosis` in an app folder; beside the file for a package. */
export function packagePath(source: AppSource, manifest: Manifest): string {
  return source.kind === 'folder' ? join(source.path, 'dist', `${manifest.id}-${manifest.version}.mosis`) : source.path;
}

/** What a command that needs a good package says about one that is none: exit code 5. */
export function refusedOutcome(context: Context, { source, findings }: RefusedApp): Outcome {
  return {
    json: { accepted: false, findings },
    lines: [
      ...findingLines(findings, context.output.columns),
      t`${red('refused')}  ${bold(basename(source.path))}  ${tally(findings)}`,
    ],
    exit: EXIT.rejected,
  };
}
