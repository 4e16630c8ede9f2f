/** Owns how two values of a setting differ, as lines for people. Pure. */

/** One place that differs; null where there was or is nothing. */
export interface SettingDifference {
  /** `leaseMinutes`, or `rules.PRIVACY-1.text` for an entry of a list that has codes. */
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What changed from `before` to `after`, in the order of the keys; entries of lists are told apart by their `code`. */
export function differences(before: unknown, after: unknown, path = ''): SettingDifference[] {
  const [old, now] = [entriesOf(before), entriesOf(after)];
  if (old === null || now === null) {
    const [was, is] = [shown(before), shown(after)];
    return was === is ? [] : [{ path, before: was, after: is }];
  }
  const keys = [...new Set([...old.keys(), ...now.keys()])];
  const within = keys.flatMap((key) => differences(old.get(key), now.get(key), path === '' ? key : `${path}.${key}`));
  const moved = Array.isArray(before) && Array.isArray(after) && within.length === 0 && orderOf(old) !== orderOf(now);
  return moved ? [{ path, before: orderOf(old), after: orderOf(now) }] : within;
}

function entriesOf(value: unknown): Map<string, unknown> | null {
  if (Array.isArray(value)) return new Map(value.map((item: unknown, index) => [codeOf(item) ?? String(index), item]));
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : null;
}

function codeOf(item: unknown): string | null {
  if (typeof item !== 'object' || item === null || !('code' in item)) return null;
  return typeof item.code === 'string' ? item.code : null;
}

function orderOf(entries: Map<string, unknown>): string {
  return [...entries.keys()].join(', ');
}

function shown(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
