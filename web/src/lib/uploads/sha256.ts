// The SHA-256 of a file in the browser, in pieces, so that large packages neither fill the memory nor freeze the page.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

const PIECE_BYTES = 2 * 1024 * 1024;

/** Hex SHA-256 of `file`. `onProgress` gets 0 to 1. Rejects with the signal's reason when aborted. */
export async function fileSha256(
  file: Blob,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const hash = sha256.create();
  for (let offset = 0; offset < file.size; offset += PIECE_BYTES) {
    signal.throwIfAborted();
    hash.update(new Uint8Array(await file.slice(offset, offset + PIECE_BYTES).arrayBuffer()));
    onProgress(Math.min(1, (offset + PIECE_BYTES) / file.size));
  }
  return bytesToHex(hash.digest());
}
