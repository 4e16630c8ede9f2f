/** Owns SHA-256 where Node is: hashes of files for reader and checks. The browser uses `hashFiles` of signing.ts. */
import { createHash } from 'node:crypto';

/** SHA-256 as 64 lower-case hexadecimal digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The SHA-256 of every file, by path. */
export function sha256Files(files: ReadonlyMap<string, Uint8Array>): Map<string, string> {
  return new Map([...files].map(([path, bytes]) => [path, sha256Hex(bytes)]));
}
