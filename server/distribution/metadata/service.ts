/** Owns the signed metadata as a whole, put together from its parts: keys, root, repository, follower. */
import { join } from 'node:path';
import type { Events } from '../../events/service.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/database.ts';
import type { Log } from '../../platform/log.ts';
import { createMetadataFollower } from './follower.ts';
import { createRepository } from './repository.ts';
import { loadOnlineKeys } from './role-keys.ts';
import { loadRoot, type RootFile } from './root.ts';
import { LIFETIMES } from './times.ts';

export interface MetadataOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Events;
  readonly dataDir: string;
  /** Gives the versions published before there was metadata their place in it. */
  readonly fillBins: () => Promise<void>;
}

/** What there is to know of the metadata's health. */
export interface MetadataHealth {
  readonly rootVersion: number;
  readonly development: boolean;
  readonly rootExpires: Date;
  /** The root ends within 60 days, and only people with its keys can sign the next one. */
  readonly rootDue: boolean;
  readonly timestampExpires: Date | null;
}

export type MetadataService = Awaited<ReturnType<typeof createMetadataService>>;

/** Loads keys and root. Throws KeyFileUnfit or RootUnfit where these are not what this server wrote. */
export async function createMetadataService(options: MetadataOptions) {
  const { db, clock, log, events, dataDir, fillBins } = options;
  const keysDir = join(dataDir, 'keys', 'metadata');
  const rootsDir = join(dataDir, 'roots');
  const keys = await loadOnlineKeys(keysDir);
  let root: RootFile = await loadRoot({ rootsDir, keysDir, online: keys, clock });
  const repository = createRepository({ db, clock, keys });
  const listeners: (() => void)[] = [];
  const follower = createMetadataFollower({
    db,
    clock,
    log,
    events,
    repository,
    fillBins,
    onPublished: () => {
      for (const listener of listeners) listener();
    },
  });
  return {
    rootsDir,
    start: follower.start,
    stop: follower.stop,
    settled: follower.settled,
    /** Runs `listener` after each change of what is in force. */
    onPublished: (listener: () => void) => void listeners.push(listener),
    /** Takes up a root file that was put into the folder. */
    async reloadRoot(): Promise<void> {
      root = await loadRoot({ rootsDir, keysDir, online: keys, clock });
    },
    async health(): Promise<MetadataHealth> {
      return {
        rootVersion: root.version,
        development: root.development,
        rootExpires: root.expires,
        rootDue: root.expires.getTime() - clock.ms() <= LIFETIMES.root.renewBeforeMs,
        timestampExpires: await repository.timestampExpires(),
      };
    },
  };
}
