/** Owns the decision that downloaded bytes may be installed: platform statement, format, developer signature, identity. */
import { fromBase64 } from '../format/base64.ts';
import type { Manifest } from '../format/manifest.ts';
import { parsePlatformSignature, verifyPlatformStatement } from '../format/platform-statement.ts';
import { readPackageBytes } from '../format/reader.ts';
import { PUBLIC_KEY_BYTES } from '../format/signing.ts';
import { formatVerdictOfBytes } from '../format/validate.ts';
import type { Download } from './download.ts';
import { DeviceError } from './errors.ts';
import type { Offer } from './find.ts';
import type { PlatformKey } from './storage.ts';

export interface VerifiedPackage {
  readonly manifest: Manifest;
  /** Every file by its path in the package, as its hash was signed. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly sha256: string;
  readonly signerKeyId: string;
}

export interface VerifyOptions {
  readonly offer: Offer;
  /** The keys that this device was provisioned with; no others count. */
  readonly platformKeys: readonly PlatformKey[];
}

/** The order of docs/DEVICE_PROTOCOL.md §4: nothing is unpacked before the platform vouches for the bytes. */
export async function verifyPackage(
  download: Download,
  { offer, platformKeys }: VerifyOptions,
): Promise<VerifiedPackage> {
  verifyStatement(download, offer, platformKeys);
  const verdict = await formatVerdictOfBytes(download.bytes);
  if (!verdict.accepted) {
    const details = verdict.findings
      .filter((found) => found.severity === 'error')
      .map((found) => `${found.code}: ${found.message}`);
    throw new DeviceError('PACKAGE_REFUSED', 'The package breaks the package format.', { details });
  }
  if (verdict.keyId === null) throw new DeviceError('PACKAGE_REFUSED', "The package has no developer's signature.");
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

/** The statement binds package id, version code, size and hash: none of the store's claims is believed without it. */
function verifyStatement(download: Download, offer: Offer, platformKeys: readonly PlatformKey[]): void {
  const signature = parsePlatformSignature(download.signature);
  if (signature === null) throw new DeviceError('PLATFORM_SIGNATURE_INVALID', "The platform's statement is malformed.");
  const key = platformKeys.find(({ keyId }) => keyId === signature.keyId);
  if (key === undefined)
    throw new DeviceError(
      'PLATFORM_SIGNATURE_INVALID',
      `The statement is by ${signature.keyId}, which this device does not trust.`,
    );
  const publicKey = fromBase64(key.publicKey, PUBLIC_KEY_BYTES);
  const { packageId, versionCode } = offer;
  const statement = { packageId, versionCode, size: download.bytes.length, sha256: download.sha256 };
  if (publicKey === null || !verifyPlatformStatement(statement, signature, publicKey))
    throw new DeviceError('PLATFORM_SIGNATURE_INVALID', "The platform's signature does not match this package.");
}
