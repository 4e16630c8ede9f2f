/**
 * Owns when the signed metadata is brought up to date: after events that change what is offered, at start, and before
 * anything ends. It keeps its place in the event log with what it signed, so that no change is missed and a kill repeats one.
 */
import type { Events } from '../../events/service.ts';
import type { EventType } from '../../events/types.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, Tx } from '../../platform/db/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Repository } from './repository.ts';

/** Events after which a target is added, changed or gone. */
const CHANGING: readonly EventType[] = [
  'PUBLISHED',
  'UNPUBLISHED',
  'SUSPENDED',
  'REINSTATED',
  'ROLLOUT_CHANGED',
  'PINS_CHANGED',
];
const READER = 'metadata';
/** Changes that come together are signed together. */
const GATHER_MS = 200;
/** Numbers are seconds: signed more often than this, they would run ahead of the clock. */
const LEAST_APART_MS = 1_000;
const RENEW_LOOK_MS = 15 * 60_000;
const RETRY_MS = 10_000;
/** Under constant publishing so often at most, so that what was superseded does not heap up. */
const SWEEP_MS = 60_000;
/** Events that change nothing here are passed over so many at a time, rather than noted one by one. */
const MOVE_AFTER = 1_000n;

interface FollowerOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Events;
  readonly repository: Repository;
  readonly fillBins: () => Promise<void>;
  /** Runs after each change of what is served. */
  readonly onPublished: () => void;
}

export interface MetadataFollower {
  /** Signs what is missing or ends soon, then follows the event log. Resolves when the first metadata is in force. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves when all that happened before the call is in force; for tests and orderly ends. */
  settled(): Promise<void>;
  /**
   * Runs `act` while nothing else is signed. `signNow` in it brings everything up to date, with what signs then; where the
   * follower is not started, nobody is served and the next start does that.
   */
  exclusively<T>(act: (signNow: () => Promise<void>) => Promise<T>): Promise<T>;
}

export function createMetadataFollower(options: FollowerOptions): MetadataFollower {
  const { db, clock, log, events, repository, fillBins, onPublished } = options;
  let running = false;
  let unfollow = () => undefined as unknown;
  let timer: NodeJS.Timeout | undefined;
  let renewing: NodeJS.Timeout | undefined;
  let renewDue = false;
  let signedMs = Number.NEGATIVE_INFINITY;
  let sweptMs = Number.NEGATIVE_INFINITY;
  let turn: Promise<unknown> = Promise.resolve();

  /** One at a time. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const run = turn.then(act);
    turn = run.catch(() => undefined);
    return run;
  }

  /** A look at the log; with `renew` also at what ends soon or is signed by keys that are none of ours. */
  const look = (renew: boolean): Promise<void> => inTurn(() => catchUp({ renew }));

  async function catchUp({ renew, timestampDue = false }: { renew: boolean; timestampDue?: boolean }): Promise<void> {
    const place = await db.prisma.eventReader.findUnique({ where: { name: READER } });
    const head = await events.head();
    // After a restore devices may know later numbers; without a place nobody knows what changed.
    const { changed, next } =
      place !== null && head.startsWith(`${place.epoch}.`)
        ? await changedSince(`${place.epoch}.${place.n}`)
        : { changed: place === null ? ('all' as const) : ('anew' as const), next: head };
    const nothing = typeof changed !== 'string' && changed.size === 0;
    const near = place !== null && positionIn(next) - place.n < MOVE_AFTER;
    if (nothing && near && !renew) return;
    const within = (tx: Tx) => movePlace(tx, next);
    const { signed, more } = await repository.publish({ changed, timestampDue, within });
    if (more) renewSoon();
    if (signed.length === 0) return;
    signedMs = performance.now();
    onPublished();
    if (running && signedMs - sweptMs >= SWEEP_MS) await sweep();
  }

  /** What failed to go now goes next time; nothing waits for it. */
  async function sweep(): Promise<void> {
    sweptMs = performance.now();
    await repository.sweep().catch((error: unknown) => log.error({ err: error }, 'old metadata could not be removed'));
  }

  async function changedSince(cursor: string): Promise<{ changed: Set<number>; next: string }> {
    const appIds = new Set<string>();
    let after = cursor;
    for (;;) {
      const page = await events.read({ after, filter: { types: CHANGING }, limit: 1_000 });
      for (const event of page.events) appIds.add(event.appId);
      if (page.next === after) break;
      after = page.next;
      if (page.events.length < 1_000) break;
    }
    const changed = new Set<number>();
    const versions = await db.prisma.appVersion.findMany({
      where: { appId: { in: [...appIds] }, metadataBin: { not: null } },
      select: { metadataBin: true },
    });
    for (const { metadataBin } of versions) if (metadataBin !== null) changed.add(metadataBin);
    return { changed, next: after };
  }

  async function movePlace(tx: Tx, cursor: string): Promise<void> {
    const [epoch = ''] = cursor.split('.', 1);
    const place = { epoch, n: positionIn(cursor), updatedAt: clock.now() };
    await tx.eventReader.upsert({ where: { name: READER }, create: { name: READER, ...place }, update: place });
  }

  function later(ms: number): void {
    if (!running || timer !== undefined) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        const renew = renewDue;
        renewDue = false;
        look(renew).catch((error: unknown) => {
          log.error({ err: error }, 'the signed metadata could not be brought up to date; it is tried again');
          later(RETRY_MS);
        });
      },
      Math.max(ms, signedMs + LEAST_APART_MS - performance.now()),
    );
    timer.unref();
  }

  /** With the next change, or as soon as may be signed again. */
  function renewSoon(): void {
    renewDue = true;
    later(0);
  }

  return {
    async start() {
      running = true;
      unfollow = events.follow(() => later(GATHER_MS));
      await fillBins();
      // A server that is started more often than timestamps are due would otherwise serve one that is about to be.
      await inTurn(() => catchUp({ renew: true, timestampDue: true }));
      await sweep();
      renewing = setInterval(() => {
        renewSoon();
        void inTurn(sweep);
      }, RENEW_LOOK_MS);
      renewing.unref();
    },
    async stop() {
      running = false;
      unfollow();
      clearTimeout(timer);
      clearInterval(renewing);
      await turn;
    },
    settled: () => look(false),
    exclusively: (act) => inTurn(() => act(async () => (running ? catchUp({ renew: true }) : undefined))),
  };
}

function positionIn(cursor: string): bigint {
  return BigInt(cursor.split('.')[1] ?? '0');
}
