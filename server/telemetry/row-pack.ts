/**
 * Owns how a group of batches passes to the writer's thread: all numbers in one array, all bytes in another, which are handed
 * over and not copied. A structured clone of each row would copy three small arrays, and with each the pool it was cut from.
 */
import type { BatchRow } from './rows.ts';

/** Bytes of a batch id and of a device's hash. */
const ID_BYTES = 16;
/** Values after the first columns of a packed row: how much of the shared arrays is its own. */
type PackedRow = readonly [
  app: string,
  version: string,
  versionCode: number | null,
  mosisVersion: string,
  network: number,
  receivedAtMs: number,
  answer: string,
  data: string,
  crash: BatchRow['crash'],
  losses: BatchRow['losses'],
  devices: number,
  numbers: number,
  values: number,
];

/** A group of rows; `numbers` and `bytes` are to be transferred. */
export interface PackedRows {
  readonly rows: readonly PackedRow[];
  /** Of each row: its events' numbers, then its measured values. */
  readonly numbers: Int32Array<ArrayBuffer>;
  /** Of each row: its batch id, then its device's hashes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Packs a group. The rows stay as they were. */
export function packRows(rows: readonly BatchRow[]): PackedRows {
  let numberCount = 0;
  let idCount = 0;
  for (const { events, devices } of rows) {
    numberCount += events.numbers.length + events.values.length;
    idCount += 1 + devices.length;
  }
  const numbers = new Int32Array(numberCount);
  const bytes = new Uint8Array(idCount * ID_BYTES);
  let numberAt = 0;
  let byteAt = 0;
  const packed = rows.map((row): PackedRow => {
    const { events, devices } = row;
    numbers.set(events.numbers, numberAt);
    numbers.set(events.values, numberAt + events.numbers.length);
    numberAt += events.numbers.length + events.values.length;
    for (const id of [row.batchId, ...devices]) {
      bytes.set(id, byteAt);
      byteAt += ID_BYTES;
    }
    const { app, version, versionCode, mosisVersion, network, receivedAtMs, answer, crash, losses } = row;
    const lengths = [devices.length, events.numbers.length, events.values.length] as const;
    const columns = [app, version, versionCode, mosisVersion, network, receivedAtMs, answer] as const;
    return [...columns, events.data, crash, losses, ...lengths];
  });
  return { rows: packed, numbers, bytes };
}

/** The rows of a group, as views on its arrays. */
export function unpackRows({ rows, numbers, bytes }: PackedRows): BatchRow[] {
  let numberAt = 0;
  let byteAt = 0;
  const nextNumbers = (count: number): Int32Array => {
    const from = numberAt;
    numberAt += count;
    return numbers.subarray(from, numberAt);
  };
  const nextId = (): Uint8Array => {
    const from = byteAt;
    byteAt += ID_BYTES;
    return bytes.subarray(from, byteAt);
  };
  return rows.map((row) => {
    const [app, version, versionCode, mosisVersion, network, receivedAtMs, answer, data, crash, losses, ...lengths] =
      row;
    const [devices, numberCount, valueCount] = lengths;
    const events = { numbers: nextNumbers(numberCount), data, values: nextNumbers(valueCount) };
    const batchId = nextId();
    const hashes = Array.from({ length: devices }, nextId);
    const head = { app, version, versionCode, mosisVersion, network, receivedAtMs, answer };
    return { ...head, crash, losses, events, batchId, devices: hashes };
  });
}
