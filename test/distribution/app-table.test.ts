import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AppTable } from '../../server/distribution/updates/app-table.ts';
import { AskedApps, newColumns } from '../../server/distribution/updates/asked-apps.ts';

/** Apps as a check names them; the hash of each is the caller's. */
function asked(apps: readonly { id: string; hash: number; code?: number; track?: 'stable' | 'beta' }[]): AskedApps {
  const named = new AskedApps(Buffer.from(apps.map(({ id }) => id).join('')), newColumns());
  let start = 0;
  for (const { id, hash, code = 1, track = 'stable' } of apps) {
    named.add(start, start + id.length, hash, code, track);
    start += id.length;
  }
  return named;
}

const NONE = { newestStable: 0, newestBeta: 0 };

it('finds what was put in and nothing else, however the hashes meet', () => {
  const id = fc.stringMatching(/^[a-z]{1,3}\.[a-z]{1,3}$/);
  const hash = fc.oneof(
    fc.constantFrom(0, -1, 1, 0x7fffffff, -0x80000000),
    fc.integer({ min: 0, max: 7 }),
    fc.integer(),
  );
  const entries = fc.uniqueArray(fc.record({ id, hash }), { selector: (entry) => entry.id, maxLength: 60 });
  fc.assert(
    fc.property(entries, entries, (held, others) => {
      const table = new AppTable<string>(60);
      const ids = new Set(held.map((entry) => entry.id));
      for (const entry of held) table.add(asked([entry]), 0, { value: entry.id, ...NONE });
      for (const entry of held) {
        const slot = table.find(asked([entry]), 0);
        expect(slot).toBeGreaterThanOrEqual(0);
        expect(table.value(slot)).toBe(entry.id);
      }
      for (const entry of others) if (!ids.has(entry.id)) expect(table.find(asked([entry]), 0)).toBe(-1);
    }),
  );
});

it('keeps what it holds while it grows, up to its number of apps', () => {
  const table = new AppTable<number>(5_000);
  const one = (n: number) => asked([{ id: `com.example.a_rather_long_name_of_an_app${n}`, hash: n % 1_000 }]);
  for (let n = 0; n < 5_000; n += 1) table.add(one(n), 0, { value: n, ...NONE });
  for (let n = 0; n < 5_000; n += 1) expect(table.value(table.find(one(n), 0))).toBe(n);
  expect(table.isFull).toBe(true);
  expect(() => table.add(one(5_000), 0, { value: 1, ...NONE })).toThrow(/5000 apps/);
});

it('says of each track whether a code is the newest, and never where none can be', () => {
  const table = new AppTable<null>(2);
  const at = (id: string, code: number, track: 'stable' | 'beta') => asked([{ id, hash: 7, code, track }]);
  table.add(at('a.b', 1, 'stable'), 0, { value: null, newestStable: 3, newestBeta: 2_147_483_647 });
  table.add(at('a.c', 1, 'stable'), 0, { value: null, newestStable: Number.POSITIVE_INFINITY, newestBeta: 0 });
  const isNewest = (id: string, code: number, track: 'stable' | 'beta') => {
    const apps = at(id, code, track);
    return table.isNewest(table.find(apps, 0), apps, 0);
  };
  expect([2, 3, 4].map((code) => isNewest('a.b', code, 'stable'))).toEqual([false, true, true]);
  expect([2_147_483_646, 2_147_483_647].map((code) => isNewest('a.b', code, 'beta'))).toEqual([false, true]);
  expect([isNewest('a.c', 2_147_483_647, 'stable'), isNewest('a.c', 1, 'beta')]).toEqual([false, true]);
});
