/** Owns k-anonymity: slices with too few devices are shown only merged. Pure. */
import type { Sketch } from './sketch.ts';

/** Devices a shown slice has at least (docs/ARCHITECTURE.md, Privacy). */
export const MIN_SLICE_DEVICES = 5;

export interface Slice {
  /** Null for the merged rest. */
  readonly key: string | null;
  readonly count: number;
  readonly devices: Sketch;
}

/**
 * Merges every slice with fewer than `k` devices into one without a key, which then takes in the next smallest until it
 * too reaches `k`: otherwise the rest would tell of few devices itself. The order of the remaining slices is kept.
 */
export function mergeSmallSlices(slices: readonly Slice[], k: number, emptySketch: () => Sketch): Slice[] {
  const sized = slices.map((slice) => ({ slice, size: slice.devices.count() })).sort((a, b) => a.size - b.size);
  if (sized.every(({ size }) => size >= k)) return [...slices];
  const merged = new Set<Slice>();
  const union = emptySketch();
  let count = 0;
  for (const { slice, size } of sized) {
    if (size >= k && union.count() >= k) break;
    merged.add(slice);
    union.merge(slice.devices);
    count += slice.count;
  }
  return [...slices.filter((slice) => !merged.has(slice)), { key: null, count, devices: union }];
}
