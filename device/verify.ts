/** Owns the decision that downloaded bytes may be installed: hash, format, developer signature, identity. */
import type { Manifest } from '../format/manifest.ts';
import { readPackageBytes } from '../format/reader.ts';
import { formatVerdictOfBytes } from '../format/validate.ts';
import type { Download } from './download.ts';
import { DeviceError } from './errors.ts';

export interface VerifiedPackage {
  readonly manifest: Manifest;
  /** Every file by its path in the package, as its hash was signed. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly sha256: string;
  readonly signerKeyId: string;
}

/** What the signed metadata says of the bytes. */
export interface VouchedFor {
  readonly packageId: string;
  readonly versionCode: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** The key that must have signed the package; it is one of those that the app pinned. */
  readonly signerKeyId: string;
}

/** The order of docs/DEVICE_PROTOCOL.md §4: nothing is unpacked before the repository vouches for the bytes. */
export async function verifyPackage(download: Download, offer: VouchedFor): Promise<VerifiedPackage> {
  if (download.bytes.length !== offer.sizeBytes || download.sha256 !== offer.sha256)
    throw new DeviceError('DOWNLOAD_CORRUPT', 'The bytes are not those that the signed metadata names.');
  const verdict = await formatVerdictOfBytes(download.bytes);
  if (!verdict.accepted) {
    const details = verdict.findings
      .filter((found) => found.severity === 'error')
      .map((found) => `${found.code}: ${found.message}`);
    throw new DeviceError('PACKAGE_REFUSED', 'The package breaks the package format.', { details });
  }
  if (verdict.keyId === null) throw new DeviceError('PACKAGE_REFUSED', "The package has no developer's signature.");
  if (verdict.keyId !== offer.signerKeyId)
    throw new DeviceError(
      'SIGNER_NOT_PINNED',
      `The package is signed by ${verdict.keyId}, which its app has not pinned.`,
    );
  const { contents } = await readPackageBytes(download.bytes);
  const manifest = contents?.manifest ?? null;
  if (contents === null || manifest === null)
    throw new DeviceError('PACKAGE_REFUSED', 'The package has no readable manifest.');
  if (manifest.id !== offer.packageId)
    throw new DeviceError('PACKAGE_MISMATCH', `The package is ${manifest.id}, not ${offer.packageId}.`);
  if (manifest.version_code !== offer.versionCode)
    throw new DeviceError(
      'PACKAGE_MISMATCH',
      `The package has version code ${manifest.version_code}, not ${offer.versionCode}.`,
    );
  return { manifest, files: contents.files, sha256: download.sha256, signerKeyId: verdict.keyId };
}
