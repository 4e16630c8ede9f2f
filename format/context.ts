/**
 * Owns the context rules that only need facts about the app: docs/PACKAGE_FORMAT.md §3 and §4, what is required to submit. The
 * caller brings the facts; nothing is looked up here.
 */
import { CONTEXT_CATALOGUE as CODES } from './catalogue/context.ts';
import { type Finding, finding } from './findings.ts';
import type { Manifest } from './manifest.ts';

export interface SubmissionFacts {
  readonly packageId: string;
  /** Highest code of any version that was ever submitted, 0 when none was. */
  readonly highestVersionCode: number;
  /** The pinned set; null while the app has none, and then any key may become the first. */
  readonly pinnedKeyIds: readonly string[] | null;
}

/** What keeps a package that passed validation from being submitted for this app. */
export function submissionFindings(manifest: Manifest, keyId: string | null, facts: SubmissionFacts): Finding[] {
  const findings: Finding[] = [];
  const { packageId, highestVersionCode, pinnedKeyIds } = facts;
  if (manifest.id !== packageId) {
    findings.push(finding(CODES.MANIFEST_ID_MISMATCH, `The id is ${manifest.id}; the app is ${packageId}.`));
  }
  if (manifest.version_code <= highestVersionCode) {
    const message = `The version_code is ${manifest.version_code}; ${highestVersionCode} was submitted already.`;
    findings.push(finding(CODES.MANIFEST_VERSION_CODE_USED, message));
  }
  if (manifest.icons['64'] === undefined) {
    findings.push(finding(CODES.MANIFEST_ICON_64_MISSING, 'The manifest names no icon "64".'));
  }
  if (keyId === null) {
    findings.push(finding(CODES.SIGNATURE_REQUIRED, 'The package has no valid signature.'));
  } else if (pinnedKeyIds !== null && !pinnedKeyIds.includes(keyId)) {
    findings.push(finding(CODES.SIGNATURE_KEY_NOT_PINNED, `The key ${keyId} is not pinned for ${packageId}.`));
  }
  return findings;
}
