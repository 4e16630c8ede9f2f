// How two states of any setting differ, and what a form of numbers holds: what the forms of the administration share. Pure.

export type Difference = { path: string; before: string | null; after: string | null };
/** A setting says which state of it was read, so that a change over somebody else's is refused. */
export type Revised = { readonly revision: string };

/** The parts among `keys` that differ, in this order; null where a part has no value. */
export function plainDifferences<Setting extends object>(
  before: Setting,
  after: Setting,
  keys: readonly (keyof Setting & string)[],
): Difference[] {
  return keys
    .filter((key) => before[key] !== after[key])
    .map((key) => ({ path: key, before: shown(before[key]), after: shown(after[key]) }));
}

/** Only the parts among `keys` that differ, so that a change of one says nothing of the others. */
export function changedParts<Setting extends object, Key extends keyof Setting & string>(
  before: Setting,
  after: Setting,
  keys: readonly Key[],
): Partial<Pick<Setting, Key>> {
  const changed: Partial<Pick<Setting, Key>> = {};
  for (const key of keys) if (before[key] !== after[key]) changed[key] = after[key];
  return changed;
}

/** A share as per cent, without the last digits of binary fractions. */
export function percentText(share: number): string {
  return String(Math.round(share * 1_000_000) / 10_000);
}

/** The share that per cent stand for, to a millionth: 99.9 is 0.999, not 0.9990000000000001. */
export function shareOf(percent: string): number {
  return Math.round(Number(percent) * 10_000) / 1_000_000;
}

function shown(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}
