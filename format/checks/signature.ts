/** Owns the check of signature.sig, docs/PACKAGE_FORMAT.md §4. Whether the key may sign the app is a context rule. */
import { SIGNATURE_CATALOGUE as CODES } from '../catalogue/signature.ts';
import type { Check, PackageContents } from '../check.ts';
import { type Finding, finding } from '../findings.ts';
import { SIGNATURE_PATH } from '../layout.ts';
import { type SignatureVerdict, verifyPackageSignature } from '../package-signature.ts';

/** The signature verifies, or is absent, which is a notice here and refused when a version is submitted. */
export const signatureCheck: Check = {
  name: 'signature',
  kind: 'format',
  findings: CODES,
  run: (contents) => {
    const verdict = signatureVerdict(contents);
    return verdict.ok ? [] : [verdict.finding];
  },
};

/** What the package's own signature proves; a missing one is the finding `SIGNATURE_MISSING`. */
export function signatureVerdict({ files, sha256 }: PackageContents): SignatureVerdict {
  const signature = files.get(SIGNATURE_PATH);
  if (signature === undefined) {
    const missing: Finding = finding(CODES.SIGNATURE_MISSING, 'The package has no signature.sig.');
    return { ok: false, finding: missing };
  }
  return verifyPackageSignature(sha256 ?? files, signature);
}
