/**
 * Owns the benchmark of update checks: requests a second for 30 installed apps over 50 connections, beside bare node:http that
 * reads the same request and answers the same bytes, in turns of one run. Both run with the young generation of `npm start`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import RawDatabase from 'better-sqlite3';
import { applyMigrations } from '../prisma/migrate.ts';
import { seedDatabase } from '../prisma/seed.ts';
import { SERVER_FLAGS } from '../scripts/node.mjs';
import { type Child, median, send, startServer } from './load.ts';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 5);
const TURNS = 3;
const CONNECTIONS = 50;
const APPS = 1_000;
const INSTALLED = 30;
const LEAST_RATIO = Number(process.env.BENCH_LEAST_RATIO ?? 0.5);
const PATH = '/v1/updates/check';

/** A store where each app has four versions, the newest of them for everybody. */
async function makeStore(folder: string): Promise<string[]> {
  const databasePath = join(folder, 'core.db');
  await applyMigrations({ databasePath });
  seedDatabase(
    databasePath,
    { developers: 10, apps: APPS, versionsPerApp: 4 },
    {
      signer: { keyId: 'SHA256:bench', publicKey: 'bench' },
      makePackage: () => ({
        size: 1_000_000,
        sha256: 'a'.repeat(64),
        signature: '{}',
        platformSignature: 'SHA256:bench.none',
      }),
    },
  );
  const handle = new RawDatabase(databasePath);
  handle.exec(`INSERT OR IGNORE INTO rollouts (id, app_id, version_id, track, seed, basis_points, state, schedule, started_at, updated_at)
    SELECT id, app_id, id, 'STABLE', '', 10000, 'COMPLETE', '[]', created_at, created_at FROM app_versions WHERE state = 'PUBLISHED'`);
  const packageIds = handle
    .prepare<[], string>(`SELECT package_id FROM apps WHERE status = 'PUBLISHED' ORDER BY id`)
    .pluck()
    .all();
  handle.close();
  return packageIds;
}

/** What devices send: each has its own apps, by id, two thirds of them up to date. */
function bodies(packageIds: readonly string[]): string[] {
  return Array.from({ length: 500 }, (_, device) =>
    JSON.stringify({
      mosis_version: '9.0.0',
      tag: null,
      apps: Array.from({ length: INSTALLED }, (_, n) => ({
        package_id: packageIds[(device * 37 + n * 31) % packageIds.length] ?? '',
        version_code: n % 3 === 0 ? 1 : 1_000_000,
        track: 'stable',
      })).sort((a, b) => (a.package_id < b.package_id ? -1 : 1)),
    }),
  );
}

/** Answers a second, by sockets that only count bytes: node's client would cost more than either server. */
async function perSecond(port: number, requests: readonly Buffer[]): Promise<number> {
  const endMs = performance.now() + SECONDS * 1_000;
  let next = 0;
  const one = async (): Promise<number> => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    let answered = 0;
    let held = '';
    const ask = (): boolean => socket.write(requests[next++ % requests.length] ?? '');
    socket.on('error', reject);
    socket.setEncoding('latin1').on('data', (text) => {
      held += text;
      const end = held.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = /^HTTP\/1\.1 200[\s\S]*?\r\ncontent-length: (\d+)/i.exec(held)?.[1];
      if (length === undefined) return reject(new Error(held.slice(0, 300)));
      if (held.length < end + 4 + Number(length)) return;
      held = '';
      answered += 1;
      if (performance.now() < endMs) ask();
      else resolve(answered);
    });
    ask();
    const count = await promise;
    socket.destroy();
    return count;
  };
  // Asks for events without ever sleeping: on a virtual machine, waking the load's processor for each answer would cost the server
  // that is measured more than the answer itself, and the slower of the two more often.
  let polling = true;
  const poll = (): void => {
    if (polling) setImmediate(poll);
  };
  poll();
  const startMs = performance.now();
  const counts = await Promise.all(Array.from({ length: CONNECTIONS }, one));
  polling = false;
  return (counts.reduce((sum, count) => sum + count, 0) / (performance.now() - startMs)) * 1_000;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mosis-bench-'));
  try {
    const texts = bodies(await makeStore(folder));
    const requests = texts.map((text) =>
      Buffer.from(
        `POST ${PATH} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
      ),
    );
    const script = 'bench/update-server.ts';
    // How much the old generation may grow goes by the heap of the whole server; these two have a fifth of that.
    const flags = SERVER_FLAGS.filter((flag) => !flag.startsWith('--heap-growing'));
    const ours = await startServer(script, { args: ['ours'], flags, env: { DATA_DIR: folder }, readyPath: '/' });
    const answer = await send({ port: ours.port, path: PATH, body: texts[0] ?? '' });
    const bare = await startServer(script, { args: ['bare'], flags, env: { ANSWER: answer }, readyPath: '/' });
    try {
      const rates: { ours: number[]; bare: number[] } = { ours: [], bare: [] };
      const taken = { ours: 0, bare: 0 };
      const turn = async (which: 'ours' | 'bare', server: Child): Promise<void> => {
        const [beforeMs, startMs] = [await server.processorMs(), performance.now()];
        const rate = await perSecond(server.port, requests);
        rates[which].push(rate);
        const answered = (rate * (performance.now() - startMs)) / 1_000;
        taken[which] += ((await server.processorMs()) - beforeMs) / answered / TURNS;
      };
      // Each is warm before it counts.
      for (const { port } of [bare, ours]) await perSecond(port, requests);
      for (let n = 0; n < TURNS; n += 1) {
        await turn('bare', bare);
        await turn('ours', ours);
      }
      const ratio = median(rates.ours) / median(rates.bare);
      const { updates } = JSON.parse(answer) as { updates: unknown[] };
      console.log(
        `${INSTALLED} apps (${texts[0]?.length} bytes), ${updates.length} updates (${answer.length} bytes), ${CONNECTIONS} connections, median of ${TURNS}`,
      );
      const each = (ms: number) => `${(ms * 1_000).toFixed(1).padStart(6)} µs of processor a request`;
      const line = (values: readonly number[]) => `${median(values).toFixed(0).padStart(7)} req/s`;
      console.log(`bare node:http  ${line(rates.bare)} ${each(taken.bare)}`);
      console.log(`update check    ${line(rates.ours)} ${each(taken.ours)}   ratio ${ratio.toFixed(2)}`);
      console.log(`memory of the server: ${(await ours.memoryMb()).toFixed(0)} MB`);
      if (ratio < LEAST_RATIO) {
        console.error(`The ratio is below ${LEAST_RATIO}.`);
        process.exitCode = 1;
      }
    } finally {
      await ours.stop();
      await bare.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
