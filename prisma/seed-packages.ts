/** Owns the packages and pinned keys of made-up apps: real and signed ones, and mere facts for load. It writes no file. */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { buildPackage } from '../format/canonical.ts';
import { crc32 } from '../format/crc32.ts';
import { signPackage } from '../format/package-signature.ts';
import { type PinLink, signPinLink } from '../format/pins.ts';
import type { PlatformKey } from '../server/distribution/platform-key.ts';
import { packageKey } from '../server/versions/paths.ts';
import type { MadeUpApp } from './seed-data.ts';

/** What a version's file is; made for real or made up. */
export interface PackageFacts {
  readonly size: number;
  readonly sha256: string;
  readonly signature: string;
  readonly platformSignature: string;
}
export type MakePackage = (app: MadeUpApp, versionCode: number, manifest: object) => PackageFacts;

/** The first link of an app's chain, for the one key that signs all. */
export type MakePin = (packageId: string, signer: { readonly keyId: string; readonly publicKey: string }) => PinLink;

/** Of the right shape, and signed by nobody. */
export const madeUpPin: MakePin = (packageId, { keyId, publicKey }) => ({
  ...{ packageId, serial: 1, keyIds: [keyId], publicKey },
  signature: createHash('sha512').update(`${packageId} pin`).digest('base64'),
});

export function realPin(secretKey: Uint8Array): MakePin {
  return (packageId, { keyId }) => signPinLink({ packageId, serial: 1, keyIds: [keyId] }, secretKey);
}

/** Facts of the right shape over no file: a load set would take hours to sign and a disk to hold. */
export function madeUpPackage(app: MadeUpApp, versionCode: number): PackageFacts {
  const sha256 = createHash('sha256').update(`${app.packageId} ${versionCode}`).digest();
  const bytes = Buffer.concat([sha256, sha256]).toString('base64');
  const keyId = `SHA256:${sha256.toString('base64url')}`;
  return {
    size: 20_000 + (sha256.readUInt32BE(0) % 5_000_000),
    sha256: sha256.toString('hex'),
    signature: JSON.stringify({
      format: 'mosis-package-v1',
      keyId,
      publicKey: sha256.toString('base64'),
      signature: bytes,
    }),
    platformSignature: `${keyId}.${bytes}`,
  };
}

/** Real, signed packages; what is made is put into `stored`, to be written after the rows. */
export function realPackages(secretKey: Uint8Array, key: PlatformKey, stored: Map<string, Uint8Array>): MakePackage {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  return (app, versionCode, manifest) => {
    const files = new Map<string, Uint8Array>([
      ['manifest.json', text(JSON.stringify(manifest, null, 2))],
      [
        'assets/main.rml',
        text(`<rml>\n<head>\n<title>${app.name}</title>\n</head>\n<body>\n<p>${app.summary}</p>\n</body>\n</rml>\n`),
      ],
      ['icons/64.png', iconPng(createHash('sha256').update(app.packageId).digest())],
    ]);
    files.set('signature.sig', signPackage(files, secretKey));
    const bytes = buildPackage(files);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    stored.set(packageKey(app.packageId, versionCode), bytes);
    const statement = { packageId: app.packageId, versionCode, size: bytes.length, sha256 };
    const signature = new TextDecoder().decode(files.get('signature.sig'));
    return { size: bytes.length, sha256, signature, platformSignature: key.sign(statement) };
  };
}

/** 64 by 64 pixels in two colours of the digest. */
function iconPng(digest: Uint8Array): Uint8Array {
  const rows = Buffer.alloc(64 * 193);
  for (let y = 0; y < 64; y += 1)
    for (let x = 0; x < 64; x += 1)
      rows.set(digest.subarray(x + y < 64 ? 0 : 3, x + y < 64 ? 3 : 6), y * 193 + 1 + x * 3);
  const chunk = (type: string, body: Uint8Array): Buffer => {
    const whole = Buffer.alloc(body.length + 12);
    whole.writeUInt32BE(body.length, 0);
    whole.write(type, 4, 'latin1');
    whole.set(body, 8);
    whole.writeUInt32BE(crc32(whole.subarray(4, body.length + 8)), body.length + 8);
    return whole;
  };
  const header = Uint8Array.from([0, 0, 0, 64, 0, 0, 0, 64, 8, 2, 0, 0, 0]);
  return Uint8Array.from(
    Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk('IHDR', header),
      chunk('IDAT', deflateSync(rows)),
      chunk('IEND', new Uint8Array()),
    ]),
  );
}
