/** Owns the signed metadata as a whole, put together from its parts: root and keys, repository, follower, health. */
import { join } from 'node:path';
import type { Events } from '../../events/service.ts';
import type { Clock } from '../../platform/clock.ts';
import type { SqliteDatabase } from '../../platform/db/sqlite.ts';
import type { Log } from '../../platform/log.ts';
import { createBinLevelNote } from './bin-level.ts';
import { createMetadataFollower } from './follower.ts';
import { healthOf, type MetadataHealth } from './health.ts';
import { createRepository } from './repository.ts';
import { RootUnfit } from './root.ts';
import { createRootDesk, type RootDesk, signersOf } from './root-desk.ts';
import { openTrust } from './trust.ts';

export interface MetadataOptions {
  readonly db: SqliteDatabase;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Events;
  readonly dataDir: string;
  /** Gives the versions published before there was metadata their place in it. */
  readonly fillBins: () => Promise<void>;
  /** Told at each step of a rotation; for tests that end the process there. */
  readonly onStep?: (step: string) => void;
}

export interface MetadataService {
  readonly rootsDir: string;
  /** Brings what is served up to date and keeps it so. Throws RootUnfit where the root names keys that are not here. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves when all that happened before the call is in force. */
  settled(): Promise<void>;
  /** Runs `listener` after each change of what is in force. */
  onPublished(listener: () => void): void;
  readonly root: RootDesk;
  health(): Promise<MetadataHealth>;
}

/** Loads keys and root. Throws KeyFileUnfit or RootUnfit where these are not what this server wrote. */
export async function createMetadataService(options: MetadataOptions): Promise<MetadataService> {
  const { db, clock, log, events, dataDir, fillBins, onStep = () => undefined } = options;
  const keysDir = join(dataDir, 'keys', 'metadata');
  const rootsDir = join(dataDir, 'roots');
  const repository = createRepository({ db, clock, levelNote: createBinLevelNote(rootsDir) });
  const open = () => openTrust({ rootsDir, keysDir, clock, onStep });
  let trust = await open();
  const useTrust = () => {
    if (trust.keys !== null) repository.useSigners(signersOf(null, trust.keys));
  };
  useTrust();
  let started = false;
  const listeners: (() => void)[] = [];
  const onPublished = () => {
    for (const listener of listeners) listener();
  };
  const follower = createMetadataFollower({ db, clock, log, events, repository, fillBins, onPublished });
  const health = async () => healthOf({ trust, timestampExpires: await repository.timestampExpires(), clock });
  return {
    rootsDir,
    async start() {
      if (trust.keys === null)
        throw new RootUnfit(
          `${trust.root.version}.root.json names other online keys than this server has. Put keys/metadata back from a backup, or make a root for the keys that are here: mosis-admin root renew (docs/OPERATIONS.md, Root and keys).`,
        );
      started = true;
      await follower.start();
      for (const { code, message } of (await health()).warnings) log.warn({ code }, message);
    },
    async stop() {
      await follower.stop();
      started = false;
    },
    settled: follower.settled,
    onPublished: (listener) => void listeners.push(listener),
    root: createRootDesk({
      ...{ rootsDir, keysDir, clock, onStep },
      trust: () => trust,
      async reopen() {
        trust = await open();
        useTrust();
      },
      useSigners: repository.useSigners,
      exclusively: follower.exclusively,
      serving: () => started,
    }),
    health,
  };
}
