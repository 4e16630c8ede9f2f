/** Owns the apps that one check names, as columns over its bytes: thirty objects and strings a request cost more than the answer. It judges none. */
import type { Track } from '../../../format/trust/targets.ts';
import { UPDATE_CHECK_LIMITS } from './request.ts';

const COLUMNS = 5;
const [START, END, HASH, CODE, BETA] = [0, 1, 2, 3, 4] as const;

/** The apps of a check, in its order. Their bytes are the check's own: whoever keeps one past its answer takes `packageId`. */
export class AskedApps {
  readonly bytes: Uint8Array;
  length = 0;
  readonly #columns: Int32Array;

  /** `columns` has room for `maxApps` apps and is free until the answer is made. */
  constructor(bytes: Uint8Array, columns: Int32Array) {
    this.bytes = bytes;
    this.#columns = columns;
  }

  /** Adds an app whose id, valid and of ASCII alone, stands between two bytes; `hash` is of those bytes. */
  add(start: number, end: number, hash: number, versionCode: number, track: Track): void {
    const columns = this.#columns;
    const at = this.length * COLUMNS;
    columns[at + START] = start;
    columns[at + END] = end;
    columns[at + HASH] = hash;
    columns[at + CODE] = versionCode;
    columns[at + BETA] = track === 'beta' ? 1 : 0;
    this.length += 1;
  }

  start(n: number): number {
    return this.#columns[n * COLUMNS + START] ?? 0;
  }

  end(n: number): number {
    return this.#columns[n * COLUMNS + END] ?? 0;
  }

  hash(n: number): number {
    return this.#columns[n * COLUMNS + HASH] ?? 0;
  }

  versionCode(n: number): number {
    return this.#columns[n * COLUMNS + CODE] ?? 0;
  }

  track(n: number): Track {
    return this.#columns[n * COLUMNS + BETA] === 1 ? 'beta' : 'stable';
  }

  packageId(n: number): string {
    return Buffer.from(this.bytes.subarray(this.start(n), this.end(n))).toString('latin1');
  }
}

/** Columns for one check after the other: a check is answered before the next is read. */
export const newColumns = (): Int32Array => new Int32Array(UPDATE_CHECK_LIMITS.maxApps * COLUMNS);

/** The hash of no bytes yet (FNV-1a, 32 bits); each byte goes in by `hashed`. */
export const NO_HASH = 0x811c9dc5 | 0;

/** The hash with one more byte. */
export function hashed(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}
