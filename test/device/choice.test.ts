// Which version a device takes of what the update check names, whatever the check says.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hint, offering } from './store.ts';
import { APP, type Bench, createBench, rollouts } from './support.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await createBench();
});
afterEach(() => bench.close());

/** An update check that names these, whoever asks. */
const naming =
  (...updates: object[]) =>
  () => ({ tag: 'x', updates, gone: [] });

/** A link over which the download address has nothing. */
const withoutDownload: typeof fetch = (input, init) =>
  String(input).includes('/download') ? Promise.resolve(new Response(null, { status: 404 })) : fetch(input, init);

async function installed(versionCode = 1) {
  const app = bench.publish({ versionCode });
  bench.store.onCheck = offering(app);
  const device = await bench.provisioned();
  await device.install(APP);
  return device;
}

describe('all apps at once', () => {
  it('are asked about in one call, and each is brought to what it is offered', async () => {
    const other = 'com.example.other';
    const first = [bench.publish({}), bench.publish({ id: other })];
    bench.store.onCheck = offering(...first);
    const device = await bench.provisioned();
    await device.install(APP);
    await device.install(other);
    bench.store.onCheck = offering(bench.publish({ versionCode: 2 }), ...first);
    bench.store.checks.length = 0;
    const { outcomes, gone, checked } = await device.updateAll();
    expect(outcomes).toMatchObject([
      { kind: 'updated', app: { packageId: APP, versionCode: 2 }, before: { versionCode: 1 }, rollback: null },
      { kind: 'current', app: { packageId: other } },
    ]);
    expect({ gone, checked }).toEqual({ gone: [], checked: true });
    expect(bench.store.checks.map(({ apps }) => apps.length)).toEqual([2]);
  });

  it('are nothing to ask about where none is installed', async () => {
    expect(await (await bench.provisioned()).updateAll()).toEqual({ outcomes: [], gone: [], checked: true });
    expect(bench.store.checks).toEqual([]);
  });

  it('go on when one of them fails', async () => {
    const other = 'com.example.other';
    bench.store.onCheck = offering(bench.publish({}), bench.publish({ id: other }));
    const device = await bench.provisioned();
    await device.install(APP);
    await device.install(other);
    const broken = bench.publish({ versionCode: 2, signed: false });
    bench.store.onCheck = offering(broken, bench.publish({ id: other, versionCode: 2 }));
    expect((await device.updateAll()).outcomes).toMatchObject([
      { kind: 'failed', app: { packageId: APP }, versionCode: 2, error: { code: 'PACKAGE_REFUSED' } },
      { kind: 'updated', app: { packageId: other, versionCode: 2 } },
    ]);
    expect(await bench.installedVersion()).toBe('1');
  });

  it('end at a link that is down, without a try for each', async () => {
    const other = 'com.example.other';
    bench.store.onCheck = offering(bench.publish({}), bench.publish({ id: other }));
    const device = await bench.provisioned();
    await device.install(APP);
    await device.install(other);
    bench.store.onCheck = offering(bench.publish({ versionCode: 2 }), bench.publish({ id: other, versionCode: 2 }));
    bench.store.ranges.length = 0;
    bench.store.onPackage = (_, response) => {
      response.destroy();
      return true;
    };
    expect((await device.updateAll()).outcomes).toMatchObject([
      { kind: 'failed', error: { code: 'NETWORK' } },
      { kind: 'failed', error: { code: 'NETWORK' } },
    ]);
    expect(bench.store.ranges).toHaveLength(6);
    bench.store.onPackage = null;
    expect((await device.updateAll()).outcomes).toMatchObject([{ kind: 'updated' }, { kind: 'updated' }]);
  });
});

describe('of several offers', () => {
  it('the first that the signed metadata lets the device take is taken, past those for others', async () => {
    const device = await installed();
    const [three, two] = [bench.publish({ versionCode: 3 }, rollouts('stable', 0)), bench.publish({ versionCode: 2 })];
    bench.store.onCheck = offering(three, two);
    expect(await device.update(APP)).toMatchObject({ kind: 'updated', app: { versionCode: 2 } });
    expect(await device.update(APP)).toMatchObject({ kind: 'current', app: { versionCode: 2 } });
  });

  it('the highest is looked at first, in whatever order they come', async () => {
    const device = await installed();
    const offers = [2, 4, 3].map((versionCode) => hint(bench.publish({ versionCode })));
    bench.store.onCheck = naming(...offers);
    expect(await device.update(APP)).toMatchObject({ app: { versionCode: 4 } });
  });

  it('what the developer notes of the one that comes is said before, and of no other', async () => {
    const device = await installed();
    const three = bench.publish({ versionCode: 3 }, rollouts('stable', 0));
    const two = bench.publish({ versionCode: 2 });
    bench.store.onCheck = naming(
      hint(three, { known_issue: 'Slow.' }),
      hint(two, { known_issue: 'It asks for your name again.' }),
    );
    const said: unknown[] = [];
    await device.updateAll({ onKnownIssue: (...words) => said.push(words) });
    expect(said).toEqual([[APP, 2, 'It asks for your name again.']]);
  });

  it('none for this device means that it is current', async () => {
    const device = await installed();
    bench.store.onCheck = offering(bench.publish({ versionCode: 2 }, rollouts('stable', 0)));
    expect(await device.update(APP)).toMatchObject({ kind: 'current' });
    bench.store.onCheck = offering(bench.publish({ versionCode: 3, minMosisVersion: '9.0.0' }));
    expect(await device.update(APP)).toMatchObject({ kind: 'current' });
    expect((await device.list())[0]?.failedUpdates).toEqual([]);
  });
});

describe('a check that lies', () => {
  it.each([
    ['that the signed metadata does not list', { version_code: 7 }, 'NOT_VOUCHED_FOR'],
    ['that is older and no entry leads to', { version_code: 4 }, 'DOWNGRADE_REFUSED'],
    ['as a rollback that nobody signed', { version_code: 4, kind: 'rollback' }, 'DOWNGRADE_REFUSED'],
  ])('by a version %s brings nothing, and reports no failure of the app', async (_what, lie, code) => {
    const old = bench.publish({ versionCode: 4 });
    const device = await installed(5);
    bench.store.onCheck = naming(hint(old, lie));
    await expect(device.update(APP)).rejects.toMatchObject({ code });
    expect((await device.updateAll()).outcomes).toMatchObject([{ kind: 'failed', error: { code } }]);
    expect(await bench.installedVersion()).toBe('5');
    expect((await device.list())[0]?.failedUpdates).toEqual([]);
  });

  it('by wrong hashes, sizes and tracks of a true version changes nothing', async () => {
    const device = await installed();
    const two = bench.publish({ versionCode: 2 });
    bench.store.onCheck = naming(hint(two, { sha256: '0'.repeat(64), size: 1, track: 'beta', delta_size: 1 }));
    expect(await device.update(APP)).toMatchObject({ app: { versionCode: 2, sha256: two.sha256 } });
  });

  it('by a hundred versions costs a bounded number of looks, and an honest one among the highest is still found', async () => {
    const device = await installed();
    const two = bench.publish({ versionCode: 2 });
    bench.store.onCheck = naming(...Array.from({ length: 100 }, (_, at) => hint(two, { version_code: 1_000 + at })));
    let asked = 0;
    const counting = bench.device({
      fetch: (input, init) => {
        asked += String(input).includes('bin-') ? 1 : 0;
        return fetch(input, init);
      },
    });
    await expect(counting.update(APP)).rejects.toMatchObject({ code: 'NOT_VOUCHED_FOR' });
    expect(asked).toBeLessThanOrEqual(8);
    bench.store.onCheck = naming(hint(two, { version_code: 1_000 }), hint(two));
    expect(await device.update(APP)).toMatchObject({ app: { versionCode: 2 } });
  });

  it('by saying that nothing is new, or that the app is gone, changes nothing', async () => {
    const device = await installed();
    bench.publish({ versionCode: 2 });
    bench.store.onCheck = () => ({ tag: 'x', updates: [], gone: [APP] });
    expect(await device.updateAll()).toMatchObject({ outcomes: [{ kind: 'current' }], gone: [APP] });
    expect(await bench.installedVersion()).toBe('1');
  });

  it('under the tag of the true answer holds for a day at most', async () => {
    const device = await installed();
    const two = bench.publish({ versionCode: 2 });
    const truth = { tag: 'true', updates: [hint(two)], gone: [] };
    bench.store.onCheck = () => ({ ...truth, updates: [] });
    expect((await device.updateAll()).outcomes).toMatchObject([{ kind: 'current' }]);
    bench.store.onCheck = ({ tag }) => (tag === 'true' ? { unchanged: true, tag } : truth);
    expect((await device.updateAll()).outcomes).toMatchObject([{ kind: 'current' }]);
    // Within the timestamp's life: the store signs nothing anew here.
    bench.now = new Date(bench.now.getTime() - 1_000);
    expect((await device.updateAll()).outcomes).toMatchObject([{ kind: 'updated' }]);
  });

  it.each<[string, unknown]>([
    ['of another form', { updates: 'all' }],
    ['unchanged under a tag that was never sent', { unchanged: true, tag: 'mine' }],
  ])('or answers %s is left aside: the download address says what there is', async (_what, answer) => {
    const device = await installed();
    bench.publish({ versionCode: 2 });
    bench.store.onCheck = () => answer;
    expect(await device.updateAll()).toMatchObject({ outcomes: [{ kind: 'updated' }], checked: false });
    expect(await bench.installedVersion()).toBe('2');
  });

  it('or is not there at all is left aside too', async () => {
    const device = await installed();
    bench.publish({ versionCode: 2 });
    bench.store.onCheck = null;
    expect(await device.updateAll()).toMatchObject({ outcomes: [{ kind: 'updated' }], checked: false });
  });
});

describe('a first installation', () => {
  it('takes a staged version that reaches this device, though the download address has an older one', async () => {
    bench.store.onCheck = offering(bench.publish({ versionCode: 3 }), bench.publish({ versionCode: 2 }));
    expect(await (await bench.provisioned()).install(APP)).toMatchObject({ app: { versionCode: 3, track: 'stable' } });
  });

  it('takes the stable version where the staged one is for others', async () => {
    const staged = bench.publish({ versionCode: 3 }, rollouts('stable', 0));
    bench.store.onCheck = naming(hint(staged));
    bench.publish({ versionCode: 2 });
    expect(await (await bench.provisioned()).install(APP)).toMatchObject({ app: { versionCode: 2 } });
  });

  it('on the beta track takes what only beta offers, which stable does not', async () => {
    const beta = bench.publish({ versionCode: 3 }, rollouts('beta', 10_000));
    bench.store.onCheck = ({ apps: [app] }) => naming(...(app?.track === 'beta' ? [hint(beta)] : []))();
    const device = await bench.provisioned();
    await expect(device.install(APP)).rejects.toMatchObject({ code: 'NOT_OFFERED' });
    expect(await device.install(APP, { track: 'beta' })).toMatchObject({ app: { versionCode: 3, track: 'beta' } });
  });

  it('is told that there is nothing on stable yet, not that its Mosis is too old', async () => {
    bench.publish({ versionCode: 3 }, rollouts('beta', 10_000));
    bench.store.onCheck = naming();
    const device = await bench.provisioned({ fetch: withoutDownload });
    await expect(device.install(APP)).rejects.toMatchObject({ code: 'NOT_OFFERED' });
    bench.store.onCheck = null;
    await expect(device.install(APP)).rejects.toMatchObject({ code: 'NOT_OFFERED' });
  });

  it('takes a version 1, which a check cannot name to a device that asks as one with version 1', async () => {
    const one = bench.publish({ versionCode: 1, minMosisVersion: '1.0.0' }, rollouts('beta', 10_000));
    // No other version, and the download address knows none.
    bench.store.onCheck = naming();
    const device = await bench.provisioned({ fetch: withoutDownload });
    expect(await device.install(APP, { track: 'beta' })).toMatchObject({ app: { sha256: one.sha256 } });
  });
});

describe('tracks', () => {
  it('are changed for an installed app, which stays until there is something newer', async () => {
    const device = await installed();
    const beta = bench.publish({ versionCode: 2 }, rollouts('beta', 10_000));
    bench.store.onCheck = offering(beta);
    expect(await device.update(APP)).toMatchObject({ kind: 'current' });
    expect(await device.follow(APP, 'beta')).toMatchObject({ track: 'beta', versionCode: 1 });
    expect(await device.update(APP)).toMatchObject({ app: { versionCode: 2, track: 'beta' } });
    await device.follow(APP, 'stable');
    expect(await device.update(APP)).toMatchObject({ kind: 'current', app: { versionCode: 2, track: 'stable' } });
    await expect(device.follow('com.example.other', 'beta')).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
  });

  it('are changed by an installation of what is current, too', async () => {
    const device = await installed();
    expect(await device.install(APP, { track: 'beta' })).toMatchObject({ kind: 'current', app: { track: 'beta' } });
    expect((await device.list())[0]?.track).toBe('beta');
  });
});

describe('rollbacks', () => {
  const entry = (track: 'stable' | 'beta') => ({ track, from: 2, reason: 'It loses notes.', restore_data: false });

  /** A device with version 2 on a track, and version 1 with these entries. */
  async function takenBack(track: 'stable' | 'beta', ...entries: ReturnType<typeof entry>[]) {
    const device = await installed();
    await device.follow(APP, track);
    bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
    await device.update(APP);
    const one = bench.publish({ versionCode: 1 }, { rollbacks: entries });
    bench.store.onCheck = naming(hint(one, { kind: 'rollback', known_issue: 'It loses notes.' }));
    return device;
  }

  it.each([
    ['stable', 'stable'],
    ['beta', 'beta'],
    // It takes stable versions, so it goes back with them.
    ['beta', 'stable'],
  ] as const)('a device on %s obeys an entry of %s', async (track, of) => {
    const device = await takenBack(track, entry(of));
    expect((await device.updateAll()).outcomes).toMatchObject([
      { kind: 'updated', app: { versionCode: 1 }, rollback: { reason: 'It loses notes.', dataRestored: false } },
    ]);
  });

  it('a device on stable does not obey an entry of beta', async () => {
    const device = await takenBack('stable', entry('beta'));
    await expect(device.update(APP)).rejects.toMatchObject({ code: 'DOWNGRADE_REFUSED' });
  });

  it('do not go in a circle: what was taken back to the installed version is not taken while the entry stands', async () => {
    const device = await takenBack('beta', entry('stable'));
    await device.update(APP);
    // Version 2 is still offered on beta.
    const two = bench.publish({ versionCode: 2 }, rollouts('beta', 10_000));
    bench.store.onCheck = offering(two);
    expect(await device.update(APP)).toMatchObject({ kind: 'current', app: { versionCode: 1 } });
    bench.publish({ versionCode: 1 }, { rollbacks: [] });
    bench.store.onCheck = offering(two);
    expect(await device.update(APP)).toMatchObject({ app: { versionCode: 2 } });
  });
});
