/** Owns whole servers for tests: the real one in this process, on a free loopback port, with a data folder of its own. */
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { pino } from 'pino';
import { createApp } from '../../server/app.ts';
import { readConfig } from '../../server/config.ts';
import type { Clock } from '../../server/platform/clock.ts';
import type { Log } from '../../server/platform/log.ts';
import type { Services } from '../../server/services.ts';
import { type Client, createClient } from './client.ts';
import { copyMigratedDatabase, makeFolder } from './database.ts';

export interface StartAppOptions {
  readonly clock?: Clock;
  /** Environment variables on top of those every test server has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Rows of `settings` that are there before the server starts; no sample reviews and no second approvals unless said otherwise. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly log?: Log;
  /** Starts on this data folder of an earlier server, and leaves it behind. */
  readonly dataDir?: string;
  /** Folder of the built portal; an empty one by default. */
  readonly portalDir?: string;
}

export interface TestApp {
  /** Origin, as PUBLIC_URL has it. */
  readonly url: string;
  readonly port: number;
  readonly services: Services;
  readonly dataDir: string;
  /** The link that makes the first admin; null once there was one. */
  readonly setupUrl: string | null;
  /** A client of nobody; `client().as(session)` is somebody's. */
  client(): Client;
  /** Rows of the core database, read by a connection of the test's own. */
  rows<Row = Record<string, unknown>>(sql: string, ...parameters: unknown[]): Row[];
  /** Stops the server, and removes the data folder unless it was given or is `kept`. */
  close(options?: { keep?: boolean }): Promise<void>;
}

const NO_SAMPLES = { reviews: { sampleShare: 0, secondApproval: false } };

/** Starts a server; `close` it. */
export async function startApp(options: StartAppOptions = {}): Promise<TestApp> {
  const folder = await makeFolder();
  const dataDir = options.dataDir ?? join(folder, 'data');
  if (options.dataDir === undefined) await makeDataFolder(dataDir, { ...NO_SAMPLES, ...options.settings });
  const portalDir = options.portalDir ?? join(folder, 'portal');
  await mkdir(portalDir, { recursive: true });
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const config = readConfig({
    HOST: 'localhost',
    DATA_DIR: dataDir,
    PUBLIC_URL: url,
    PORT: String(port),
    LOG_LEVEL: 'silent',
    ...options.env,
  });
  const app = await createApp(config, {
    log: options.log ?? pino({ level: 'silent' }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    portalDir,
  });
  const reader = new Sqlite(join(dataDir, 'core.db'), { readonly: true });
  let open = true;
  return {
    url,
    port: app.port,
    services: app.services,
    dataDir,
    setupUrl: app.setupUrl,
    client: () => createClient(url),
    rows: <Row>(sql: string, ...parameters: unknown[]) => reader.prepare(sql).all(...parameters) as Row[],
    async close({ keep = false } = {}) {
      if (open) {
        open = false;
        reader.close();
        await app.close();
      }
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeDataFolder(dataDir: string, settings: Record<string, unknown>): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, 'core.db');
  await copyMigratedDatabase(path);
  const db = new Sqlite(path);
  const insert = db.prepare('INSERT INTO settings (key, value, updated_at) VALUES (?, ?, ?)');
  for (const [key, value] of Object.entries(settings)) insert.run(key, JSON.stringify(value), new Date().toISOString());
  db.close();
}

/** A port that nobody listens on now. */
function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.once('error', reject);
  probe.listen(0, 'localhost', () => {
    const address = probe.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    probe.close(() => resolve(port));
  });
  return promise;
}
