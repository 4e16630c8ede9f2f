/** Owns `signature.sig`, docs/PACKAGE_FORMAT.md §4: which bytes are signed, how the file is written and read. Browser-usable. */
import { z } from 'zod';
import { fromBase64, toBase64 } from './base64.ts';
import { SIGNATURE_CATALOGUE as CODES } from './catalogue/signature.ts';
import type { CatalogueEntry, Finding } from './findings.ts';
import { finding } from './findings.ts';
import { parseJson } from './json.ts';
import { SIGNATURE_PATH } from './layout.ts';
import { PACKAGE_LIMITS } from './limits.ts';
import {
  checkPublicKeyPoint,
  hashFiles,
  KEY_ID_PATTERN,
  keyIdOf,
  PUBLIC_KEY_BYTES,
  publicKeyFrom,
  SIGNATURE_BYTES,
  signBytes,
  verifyBytes,
} from './signing.ts';
import { compareUtf8, decodeUtf8, printable } from './text.ts';

export const PACKAGE_SIGNATURE_FORMAT = 'mosis-package-v1';

/** Files by path: their bytes, or their SHA-256 in hexadecimal where that is known already. */
export type SignableFiles = ReadonlyMap<string, Uint8Array> | ReadonlyMap<string, string>;

export type SignatureVerdict =
  | { readonly ok: true; readonly keyId: string; readonly publicKey: Uint8Array }
  | { readonly ok: false; readonly finding: Finding };

const signatureFile = z.strictObject({
  format: z.string(),
  keyId: z.string().regex(KEY_ID_PATTERN),
  publicKey: z.string(),
  signature: z.string(),
});

/** The bytes a package signature covers: the format line, then what `sha256sum` prints, sorted by path bytes. */
export function packageSignedBytes(files: SignableFiles): Uint8Array {
  const lines = [...hashesOf(files)]
    .filter(([path]) => path !== SIGNATURE_PATH)
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([path, hash]) => `${hash}  ${path}\n`);
  return new TextEncoder().encode(`${PACKAGE_SIGNATURE_FORMAT}\n${lines.join('')}`);
}

function hashesOf(files: SignableFiles): Map<string, string> {
  const hashes = new Map<string, string>();
  const bytes = new Map<string, Uint8Array>();
  for (const [path, content] of files) {
    if (typeof content === 'string') hashes.set(path, content);
    else if (path !== SIGNATURE_PATH) bytes.set(path, content);
  }
  return new Map([...hashes, ...hashFiles(bytes)]);
}

/** The bytes of `signature.sig` for these files, signed with a 32-byte secret key. */
export function signPackage(files: SignableFiles, secretKey: Uint8Array): Uint8Array {
  const publicKey = publicKeyFrom(secretKey);
  const signature = signBytes(packageSignedBytes(files), secretKey);
  const content = {
    format: PACKAGE_SIGNATURE_FORMAT,
    keyId: keyIdOf(publicKey),
    publicKey: toBase64(publicKey),
    signature: toBase64(signature),
  };
  return new TextEncoder().encode(`${JSON.stringify(content)}\n`);
}

/**
 * Whether `signatureBytes` (the content of `signature.sig`) is a valid signature over `files`. It says who signed; whether
 * that key may sign the app is for the caller to decide. Never throws for bad input.
 */
export function verifyPackageSignature(files: SignableFiles, signatureBytes: Uint8Array): SignatureVerdict {
  const read = readSignatureFile(signatureBytes);
  if (!('publicKey' in read)) return read;
  const { keyId, publicKey, signature } = read;
  if (keyIdOf(publicKey) !== keyId) {
    return refused(CODES.SIGNATURE_KEY_ID_MISMATCH, `The keyId is ${keyId}, that of the key is ${keyIdOf(publicKey)}.`);
  }
  const problem = checkPublicKeyPoint(publicKey);
  if (problem !== null) return refused(CODES.SIGNATURE_KEY_WEAK, `The public key is refused: ${problem}.`);
  if (!verifyBytes(packageSignedBytes(files), signature, publicKey)) {
    return refused(CODES.SIGNATURE_INVALID, `The signature by ${keyId} does not match the files.`);
  }
  return { ok: true, keyId, publicKey };
}

function readSignatureFile(
  bytes: Uint8Array,
): { keyId: string; publicKey: Uint8Array; signature: Uint8Array } | { ok: false; finding: Finding } {
  if (bytes.length > PACKAGE_LIMITS.maxSignatureBytes) {
    return refused(CODES.SIGNATURE_MALFORMED, `signature.sig has ${bytes.length} bytes.`);
  }
  const json = parseJson(decodeUtf8(bytes) ?? '', 1);
  if (!json.ok) return refused(CODES.SIGNATURE_MALFORMED, `signature.sig is not JSON of the format: ${json.message}`);
  const parsed = signatureFile.safeParse(json.value);
  if (!parsed.success) {
    const what = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`.trim()).join('; ');
    return refused(CODES.SIGNATURE_MALFORMED, `signature.sig is not of the format: ${printable(what, 200)}.`);
  }
  if (parsed.data.format !== PACKAGE_SIGNATURE_FORMAT) {
    return refused(CODES.SIGNATURE_FORMAT_UNKNOWN, `The signature format is ${printable(parsed.data.format)}.`);
  }
  const publicKey = fromBase64(parsed.data.publicKey, PUBLIC_KEY_BYTES);
  const signature = fromBase64(parsed.data.signature, SIGNATURE_BYTES);
  if (publicKey === null) return refused(CODES.SIGNATURE_MALFORMED, 'publicKey is not the base64 of 32 bytes.');
  if (signature === null) return refused(CODES.SIGNATURE_MALFORMED, 'signature is not the base64 of 64 bytes.');
  return { keyId: parsed.data.keyId, publicKey, signature };
}

function refused(entry: CatalogueEntry, message: string): { ok: false; finding: Finding } {
  return { ok: false, finding: finding(entry, message, { file: SIGNATURE_PATH }) };
}
