/** The pool of check threads: what a check that breaks costs the others, who waits for whom, and that the verdict stays the same. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatVerdict, validatePackage } from '../../format/validate.ts';
import { createAdmission } from '../../server/validation/admission.ts';
import {
  type CheckWorker,
  type CheckWorkerOptions,
  createCheckWorker,
  defaultThreads,
} from '../../server/validation/check-worker.ts';
import type { CheckProgress } from '../../server/validation/messages.ts';
import { InspectionBroken } from '../../server/validation/session.ts';
import { goodPackage, rawGoodZip } from '../support/packages.ts';
import { CHECKS, MODULE, SLOW_MS, trigger } from './hostile-checks.ts';
import { SLOW_SCRIPTS } from './stand.ts';

const MAX_PACKAGE_BYTES = 50 * 1024 * 1024;
const ALL = ['archive', ...CHECKS.map(({ name }) => name)];
/** For checks that are to overrun; the others have the time of production. */
const SHORT_MS = 700;

let folder = '';
const pools: CheckWorker[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosis-pool-'));
});
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function makePool(options: Partial<CheckWorkerOptions> = {}): CheckWorker {
  const pool = createCheckWorker({
    maxPackageBytes: MAX_PACKAGE_BYTES,
    threads: 2,
    budgetMs: (check) => (check === 'loops' ? SHORT_MS : 10_000),
    registry: { module: MODULE, checks: CHECKS },
    ...options,
  });
  pools.push(pool);
  return pool;
}

let written = 0;
async function write(bytes: Uint8Array): Promise<string> {
  written += 1;
  const path = join(folder, `${written}.mosis`);
  await writeFile(path, bytes);
  return path;
}

/** A good package in which these checks misbehave. */
function hostile(...checks: readonly string[]): Promise<string> {
  return write(goodPackage({ files: Object.fromEntries(checks.map((check) => [trigger(check), 'x'])) }));
}

async function inspected(pool: CheckWorker, path: string, skip: readonly string[] = []) {
  const progress: CheckProgress[] = [];
  const inspection = await pool.inspect({ task: 'checks', path, skip, onProgress: (each) => progress.push(each) });
  const ends = progress.flatMap((each) => (each.type === 'end' ? [each] : []));
  const starts = progress.flatMap((each) => (each.type === 'start' ? [each.check] : []));
  return { ...inspection, progress, starts, ends };
}

describe('a check that breaks', () => {
  it.each([
    ['throws', /a check broke/],
    ['loops', /no result within 700 ms/],
    ['hoards', /memory/],
    ['quits', /ended/],
  ])(
    '%s: it alone is crashed, and every other check has its result',
    async (name, reason) => {
      const pool = makePool();
      const { accepted, crashed, starts, ends } = await inspected(pool, await hostile(name));
      expect({ accepted, crashed }).toEqual({ accepted: false, crashed: [name] });
      expect(starts).toEqual(ALL);
      expect(ends.map(({ check }) => check)).toEqual(ALL);
      expect(ends.filter(({ crash }) => crash !== null)).toMatchObject([{ check: name, findings: [] }]);
      expect(ends.find(({ check }) => check === name)?.crash).toMatch(reason);
      expect(await inspected(pool, await hostile())).toMatchObject({ accepted: true, crashed: [] });
    },
    30_000,
  );

  it('all of them in one package: each is crashed, each other check has its result, in each order of threads', async () => {
    const bad = ['throws', 'loops', 'hoards', 'quits'];
    const pool = makePool({ threads: 4 });
    const path = await write(
      goodPackage({ files: { ...SLOW_SCRIPTS, ...Object.fromEntries(bad.map((name) => [trigger(name), 'x'])) } }),
    );
    const { crashed, ends } = await inspected(pool, path);
    expect([...crashed].sort()).toEqual([...bad].sort());
    expect(ends.map(({ check }) => check).sort()).toEqual([...ALL].sort());
  }, 30_000);

  it('has the time of its own budget, counted for it alone', async () => {
    const pool = makePool({ threads: 1, budgetMs: () => SLOW_MS * 2.5 });
    const slow = ['slow-1', 'slow-2', 'slow-3', 'slow-4'];
    // Together they take longer than any one may.
    expect(await inspected(pool, await hostile(...slow))).toMatchObject({ crashed: [] });
  });

  it('of the format leaves the gate without a verdict, never with a good one', async () => {
    const pool = makePool();
    const path = await hostile('strict');
    await expect(pool.inspect({ task: 'gate', path })).rejects.toThrow(InspectionBroken);
    expect(await inspected(pool, path)).toMatchObject({ accepted: false, crashed: ['strict'] });
  });
});

describe('the archive', () => {
  it('that takes too long is crashed, and no other check runs', async () => {
    const pool = makePool({ budgetMs: (check) => (check === 'archive' ? 0 : 10_000) });
    const { accepted, crashed, starts } = await inspected(pool, await write(goodPackage({ files: SLOW_SCRIPTS })));
    expect({ accepted, crashed, starts }).toEqual({ accepted: false, crashed: ['archive'], starts: ['archive'] });
  });

  it('that cannot be read from the disk is to be tried again: nobody is told of an end', async () => {
    const pool = makePool();
    const ends: CheckProgress[] = [];
    const missing = pool.inspect({
      task: 'checks',
      path: join(folder, 'none.mosis'),
      onProgress: (each) => ends.push(each),
    });
    await expect(missing).rejects.toThrow(InspectionBroken);
    await expect(pool.inspect({ task: 'checks', path: folder })).rejects.toThrow(InspectionBroken);
    expect(ends).toEqual([]);
  });
});

describe('the verdict', () => {
  const packages: Record<string, () => Uint8Array> = {
    'a good package': () => goodPackage(),
    'an unsigned package': () => goodPackage({ secretKey: null }),
    'a wrong manifest': () => goodPackage({ manifest: { version_code: -1, entry: 'none.rml' } }),
    'a forbidden type of file': () => goodPackage({ files: { 'assets/run.exe': 'MZ' } }),
    'an unsafe path': () => rawGoodZip([{ name: '../up.txt', content: 'x' }]),
    'no archive': () => new Uint8Array(100),
    'code made at run time': () => goodPackage({ files: { 'assets/main.lua': 'load("return 1")()\n' } }),
  };

  it.each(Object.keys(packages))('of %s is what the format says, from one thread or several', async (name) => {
    const path = await write(packages[name]?.() ?? new Uint8Array());
    const verdict = await formatVerdict(path);
    const whole = await validatePackage(path);
    for (const threads of [1, 3]) {
      const pool = createCheckWorker({ maxPackageBytes: MAX_PACKAGE_BYTES, threads });
      pools.push(pool);
      const gate = await pool.inspect({ task: 'gate', path });
      const { accepted, findings, manifest, files, size, sha256 } = verdict;
      expect(gate).toMatchObject({ accepted, findings, manifest, files, size, sha256, crashed: [] });
      expect(gate.signature?.keyId ?? null).toBe(verdict.keyId);
      expect((await pool.inspect({ task: 'checks', path })).findings).toEqual(whole.findings);
    }
  });

  it('of the gate is not touched by policy checks that break', async () => {
    const pool = makePool();
    const path = await hostile('throws', 'loops', 'quits');
    const { accepted, findings } = await formatVerdict(path);
    expect(await pool.inspect({ task: 'gate', path })).toMatchObject({ accepted, findings, crashed: [] });
  });
});

describe('many packages at once', () => {
  it('each get their own results, with no more steps at once than there are threads', async () => {
    const pool = makePool({ threads: 3 });
    const kinds = [[], ['throws'], ['slow-1'], ['quits'], ['loops', 'slow-2']];
    const paths = await Promise.all(Array.from({ length: 20 }, (_, index) => hostile(...(kinds[index % 5] ?? []))));
    let running = 0;
    let most = 0;
    const onProgress = ({ type }: CheckProgress) => {
      running += type === 'start' ? 1 : -1;
      most = Math.max(most, running);
    };
    const all = await Promise.all(paths.map((path) => pool.inspect({ task: 'checks', path, onProgress })));
    for (const [index, { crashed }] of all.entries()) {
      expect(crashed).toEqual((kinds[index % 5] ?? []).filter((name) => !name.startsWith('slow')));
    }
    expect(running).toBe(0);
    expect(most).toBe(3);
  }, 30_000);

  it('a package of slow checks takes turns with small ones, which end before it', async () => {
    const pool = makePool({ threads: 1 });
    const order: string[] = [];
    const watch = async (name: string, path: string) => {
      await pool.inspect({ task: 'checks', path });
      order.push(name);
    };
    const large = watch('large', await hostile('slow-1', 'slow-2', 'slow-3', 'slow-4'));
    const small = await Promise.all([hostile(), hostile(), hostile()]);
    await Promise.all([large, ...small.map((path, index) => watch(`small ${index}`, path))]);
    expect(order.at(-1)).toBe('large');
    expect(order.slice(0, 3).sort()).toEqual(['small 0', 'small 1', 'small 2']);
  });

  it('the gate has its verdict while every thread is in an endless loop', async () => {
    const pool = makePool({ threads: 1, budgetMs: (check) => (check === 'loops' ? 5_000 : 10_000) });
    const looping = Promise.withResolvers<void>();
    const abort = new AbortController();
    const stuck = pool.inspect({
      task: 'checks',
      path: await hostile('loops'),
      signal: abort.signal,
      onProgress: ({ type, check }) => {
        if (type === 'start' && check === 'loops') looping.resolve();
      },
    });
    let over = false;
    stuck
      .catch(() => undefined)
      .finally(() => {
        over = true;
      });
    await looping.promise;
    const verdict = await pool.inspect({ task: 'gate', path: await hostile() });
    expect({ accepted: verdict.accepted, over }).toEqual({ accepted: true, over: false });
    abort.abort(new Error('enough'));
    await expect(stuck).rejects.toThrow('enough');
    // The thread that was ended is replaced.
    expect(await inspected(pool, await hostile())).toMatchObject({ accepted: true });
  }, 20_000);

  it('what is over is skipped, and what is left is told of', async () => {
    const skip = ['archive', 'throws', ...ALL.slice(3, 9)];
    const { starts, crashed } = await inspected(makePool(), await hostile('throws'), skip);
    expect(starts).toEqual(ALL.filter((name) => !skip.includes(name)));
    expect(crashed).toEqual([]);
  });

  it('a pool that is closed breaks off, and starts again when it is asked', async () => {
    const pool = makePool();
    const path = await hostile('slow-1');
    const broken = pool.inspect({ task: 'checks', path, onProgress: () => void pool.close() });
    await expect(broken).rejects.toThrow(InspectionBroken);
    expect(await inspected(pool, path)).toMatchObject({ accepted: true });
  });
});

describe('memory', () => {
  const MIB = 1024 * 1024;
  const admissionOf = () => {
    const admission = createAdmission({ maxOpenBytes: 200 * MIB, maxUnpackedBytes: 100 * MIB });
    const entered: string[] = [];
    const enter = (name: string, bytes: number, urgent = false) =>
      admission.enter(bytes, urgent, () => void entered.push(name));
    return { entered, enter };
  };

  it('two of the largest packages are never open at once, and small ones pass the second', () => {
    const { entered, enter } = admissionOf();
    const first = enter('first', 50 * MIB);
    enter('second', 50 * MIB);
    first.shrink(100 * MIB);
    const small = enter('small', 10_000);
    expect(entered).toEqual(['first', 'small']);
    small.leave();
    first.leave();
    expect(entered).toEqual(['first', 'small', 'second']);
  });

  it('a package that waits for room is not passed by for ever', () => {
    const { entered, enter } = admissionOf();
    const first = enter('first', 50 * MIB);
    first.shrink(100 * MIB);
    enter('second', 50 * MIB);
    for (let index = 0; index < 20; index += 1) enter(`small ${index}`, 1_000);
    expect(entered).toHaveLength(9);
    first.leave();
    expect(entered[9]).toBe('second');
    expect(entered).toHaveLength(22);
  });

  it('an upload at the gate goes before what waited longer; who leaves the line is not let in', () => {
    const { entered, enter } = admissionOf();
    const first = enter('first', 50 * MIB);
    enter('checks', 50 * MIB);
    enter('gate', 50 * MIB, true);
    enter('gone', 50 * MIB, true).leave();
    first.leave();
    expect(entered).toEqual(['first', 'gate']);
  });
});

it('leaves a core to the event loop, and takes four at most', () => {
  expect([1, 2, 3, 5, 64].map(defaultThreads)).toEqual([1, 1, 2, 4, 4]);
});
