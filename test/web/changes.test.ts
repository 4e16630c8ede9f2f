// What the portal calls changed between two versions.
import { expect, it } from 'vitest';
import { changesBetween, countChanges } from '../../web/src/lib/versions/changes.ts';

const file = (path: string, sha256: string, size = 1) => ({ path, sha256, size });

it('tells added, removed and changed files apart by path and hash', () => {
  const changes = changesBetween(
    { files: [file('a', '1', 10), file('b', '2'), file('c', '3')], permissions: [] },
    { files: [file('d', '4'), file('a', '9', 12), file('b', '2')], permissions: [] },
  );
  expect(changes.added.map(({ path }) => path)).toEqual(['d']);
  expect(changes.removed.map(({ path }) => path)).toEqual(['c']);
  expect(changes.changed).toEqual([{ path: 'a', before: 10, after: 12 }]);
  expect(countChanges(changes)).toBe(3);
});

it('names the permissions that came and went', () => {
  const changes = changesBetween(
    { files: [], permissions: [{ name: 'storage' }, { name: 'camera' }] },
    { files: [], permissions: [{ name: 'storage' }, { name: 'location' }] },
  );
  expect(changes).toMatchObject({ permissionsAdded: ['location'], permissionsRemoved: ['camera'] });
});
