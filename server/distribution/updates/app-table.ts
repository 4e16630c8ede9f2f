/**
 * Owns finding an app by the bytes of its package id, without making a string of them: open addressing with linear probing. It
 * knows no offers.
 */
import type { AskedApps } from './asked-apps.ts';

/** What a slot holds: a number that is not 0 for a taken one, the hash of the id, where its bytes stand, and two numbers of the caller. */
const SLOT_BITS = 3;
const SLOT = 1 << SLOT_BITS;
const [ENTRY, HASH, START, LENGTH, STABLE, BETA] = [0, 1, 2, 3, 4, 5] as const;
const FIRST_SLOTS = 1_024;
const FIRST_BYTES = 32 * 1_024;

/** What is held of an app. */
interface Held<Value> {
  readonly value: Value;
  /** From 0 to 2^31 - 1, or more for none that is so new. */
  readonly newestStable: number;
  readonly newestBeta: number;
}

/**
 * Values by package id, up to a number of apps. A device that has the newest version is told so from its slot alone: what takes time
 * is memory that no cache of the processor has.
 */
export class AppTable<Value> {
  readonly #maxApps: number;
  #slots = new Int32Array(FIRST_SLOTS * SLOT);
  #bytes = new Uint8Array(FIRST_BYTES);
  #usedBytes = 0;
  #values: Value[] = [];

  constructor(maxApps: number) {
    this.#maxApps = maxApps;
  }

  get isFull(): boolean {
    return this.#values.length >= this.#maxApps;
  }

  /** The slot of the n-th app, for `isNewest` and `value`; -1 for an app that is not held. Good until the next `add`. */
  find(apps: AskedApps, n: number): number {
    const slots = this.#slots;
    const bytes = this.#bytes;
    const asked = apps.bytes;
    const hash = apps.hash(n);
    const start = apps.start(n);
    const length = apps.end(n) - start;
    for (let at = this.#first(hash); slots[at] !== 0; at = this.#next(at)) {
      if (slots[at + HASH] !== hash || slots[at + LENGTH] !== length) continue;
      const own = slots[at + START] ?? 0;
      let same = 0;
      while (same < length && bytes[own + same] === asked[start + same]) same += 1;
      if (same === length) return at;
    }
    return -1;
  }

  isNewest(slot: number, apps: AskedApps, n: number): boolean {
    const newest = this.#slots[slot + (apps.track(n) === 'stable' ? STABLE : BETA)] ?? 0;
    // -1 stands for what no version code reaches.
    return newest >= 0 && apps.versionCode(n) >= newest;
  }

  value(slot: number): Value {
    return this.#values[(this.#slots[slot + ENTRY] ?? 0) - 1] as Value;
  }

  /** Holds the n-th app, which is not held yet. Throws where the table is full. */
  add(apps: AskedApps, n: number, { value, newestStable, newestBeta }: Held<Value>): void {
    if (this.isFull) throw new RangeError(`The table holds its ${this.#maxApps} apps already.`);
    const id = apps.bytes.subarray(apps.start(n), apps.end(n));
    if (this.#usedBytes + id.length > this.#bytes.length) {
      const roomier = new Uint8Array(2 * this.#bytes.length);
      roomier.set(this.#bytes);
      this.#bytes = roomier;
    }
    this.#bytes.set(id, this.#usedBytes);
    this.#values.push(value);
    // Half of the slots stay free, so that a search is short.
    if (2 * this.#values.length * SLOT > this.#slots.length) this.#grow();
    const hash = apps.hash(n);
    const at = this.#free(hash);
    const codes = [newestStable, newestBeta].map((code) => (code > 0x7fffffff ? -1 : code));
    this.#slots.set([this.#values.length, hash, this.#usedBytes, id.length, ...codes], at);
    this.#usedBytes += id.length;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(2 * old.length);
    for (let at = 0; at < old.length; at += SLOT) {
      if (old[at] !== 0) this.#slots.set(old.subarray(at, at + SLOT), this.#free(old[at + HASH] ?? 0));
    }
  }

  #free(hash: number): number {
    let at = this.#first(hash);
    while (this.#slots[at] !== 0) at = this.#next(at);
    return at;
  }

  #first(hash: number): number {
    // The low bits of the hash are the better mixed ones; the high ones come in too.
    return ((hash ^ (hash >>> 15)) << SLOT_BITS) & (this.#slots.length - 1);
  }

  #next(at: number): number {
    return (at + SLOT) & (this.#slots.length - 1);
  }
}
