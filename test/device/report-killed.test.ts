// A device that is killed at any step of reporting loses no event and tells of none twice.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { createReporter } from '../../device/report.ts';
import { createStorage } from '../../device/storage.ts';
import { installRecord, readBatches } from './reporting.ts';
import { type StoreServer, startStore } from './store.ts';

// It starts some forty programs.
vi.setConfig({ testTimeout: 180_000 });

const APP = 'com.example.notes';
const CHILD = fileURLToPath(new URL('./killed-reporter.ts', import.meta.url));
let store: StoreServer;

beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store.close());
beforeEach(() => store.forgetPosts());

/** Runs a reporter that dies at its `killAt`-th step; tells what it had said by then. */
async function run(root: string, killAt: number): Promise<{ tracked: number; step: string | null }> {
  const child = spawn(process.execPath, [CHILD, root, store.url, String(killAt), APP], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  return {
    tracked: said.match(/^tracked$/gm)?.length ?? 0,
    step: /^killed (.*)$/m.exec(said)?.[1] ?? null,
  };
}

/** A device with two earlier events in a report, one dropped, and one open: every kind of file is on the way. */
async function prepare(root: string): Promise<void> {
  const storage = createStorage(root);
  await storage.prepare();
  await storage.writeInstalled(APP, installRecord(APP));
  const network = {
    serverUrl: store.url,
    fetch,
    clock: () => new Date(),
    sleep: async () => undefined,
    random: () => 0,
  };
  const reporter = createReporter({ storage, network, mosisVersion: '1.0.0' });
  const start = () => reporter.track(APP, { type: 'app_start', consent: false });
  await start();
  store.telemetryAnswers.push({ status: 400, headers: { 'content-type': 'application/problem+json' } });
  await reporter.flush();
  await start();
  store.telemetryAnswers.push({ status: 500 });
  await reporter.flush();
  await start();
}

/** What the store counts: each batch once, as the server does, and what it was told of drops. */
function counted(): { events: number; refused: number } {
  const once = new Map(readBatches(store.posts).map((batch) => [batch.batch_id, batch]));
  const batches = [...once.values()];
  return {
    events: batches.reduce((sum, { events }) => sum + events.length, 0),
    refused: batches.reduce((sum, { dropped }) => sum + (dropped?.refused ?? 0), 0),
  };
}

it('at each step in turn', async () => {
  const seen = new Set<string>();
  for (let killAt = 1; ; killAt += 1) {
    const root = await mkdtemp(join(tmpdir(), 'mosis-report-killed-'));
    try {
      store.forgetPosts();
      await prepare(root);
      // The events of the refused batch never count; it is the one that is told of.
      store.forgetPosts();
      const first = await run(root, killAt);
      // Killed once more, somewhere else, before it may end.
      const second = await run(root, (killAt % 7) + 1);
      const third = await run(root, 0);
      const tracked = first.tracked + second.tracked + third.tracked;
      const { events, refused } = counted();
      const when = `killed at step ${killAt} (${first.step}), then at ${second.step}`;
      // An event whose process died while it was being written may or may not be there.
      const unsure = [first, second].filter(({ step }) => step === 'appended').length;
      expect(events, when).toBe(2 + tracked + unsure);
      expect(refused, when).toBe(1);
      expect(await readdir(join(root, 'state', 'telemetry')), when).toEqual([]);
      if (first.step === null) break;
      seen.add(first.step);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  }
  expect([...seen].sort()).toEqual([
    'append',
    'appended',
    'enqueue',
    'note-sending',
    'remove-log',
    'remove-taken',
    'seal-log',
    'send',
    'sent',
    'take-losses',
  ]);
});
