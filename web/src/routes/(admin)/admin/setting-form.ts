// How two states of any setting differ, and what a form of numbers holds: what the forms of the administration share. Pure.

export type Difference = { path: string; before: string | null; after: string | null };
/** A setting says which state of it was read, so that a change over somebody else's is refused. */
export type Revised = { readonly revision: string };
/** What the server says of the parts of a setting that it refuses, by their names. */
export type FieldProblems = Readonly<Record<string, string>>;
/** Whether something goes at all, and after how many days; the days outlive a change of mind. */
export type DaysChoice = { removed: boolean; days: string };

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

/** Only the parts among `keys` that differ, with the revision that the change is based on. */
export function revisedInput<Setting extends object, Key extends keyof Setting & string>(
  before: Setting & Revised,
  after: Setting,
  keys: readonly Key[],
): Partial<Pick<Setting, Key>> & Revised {
  return { revision: before.revision, ...changedParts<Setting, Key>(before, after, keys) };
}

/** The form's choice for a number of days, null for ever; `offered` are filled in where there is none yet. */
export function daysChoiceOf(days: number | null, offered: number): DaysChoice {
  return { removed: days !== null, days: String(days ?? offered) };
}

/** The days that were chosen, null for ever; what is no number becomes NaN, which the server would refuse. */
export function daysOf({ removed, days }: DaysChoice): number | null {
  return removed ? Number(days) : null;
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
