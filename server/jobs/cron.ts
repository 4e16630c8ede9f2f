// Owns schedules: each tick enqueues one job under a key of its own, so that two processes never run one tick twice.
// It runs no work itself.
import { Cron } from 'croner';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { JsonObject } from '../platform/json.ts';
import type { JobLog, Jobs } from './service.ts';

export type Schedule = {
  /** Unique, and part of each tick's key. */
  name: string;
  /** Cron pattern of 5 or 6 fields, in UTC. */
  pattern: string;
  /** The kind of the job that each tick enqueues; its payload is `{ tick }` (ISO 8601) with these fields. */
  kind: string;
  payload?: JsonObject;
};

export type CronSchedules = {
  /** Adds a schedule; before `start`. Throws for a pattern that is none. */
  add(schedule: Schedule): void;
  /** Enqueues the newest tick that was missed while nothing ran, and then every tick as it comes. */
  start(): Promise<void>;
  /** Enqueues nothing more; resolves when what was being enqueued is. */
  stop(): Promise<void>;
};

/** Timers are re-armed at least this often: the clock may be set, and longer delays than 24 days overflow. */
const LONGEST_SLEEP_MS = 60_000;

export function createCron(options: { jobs: Jobs; db: Database; clock: Clock; log: JobLog }): CronSchedules {
  const { jobs, db, clock, log } = options;
  const schedules = new Map<string, { schedule: Schedule; cron: Cron }>();
  const nextTicks = new Map<string, Date>();
  let timer: NodeJS.Timeout | undefined;
  let ticking: Promise<void> = Promise.resolve();
  let running = false;

  async function enqueueTick(schedule: Schedule, at: Date): Promise<void> {
    const tick = at.toISOString();
    const { created } = await db.transaction((tx) =>
      jobs.enqueue(tx, {
        kind: schedule.kind,
        key: `cron:${schedule.name}:${tick}`,
        payload: { ...schedule.payload, tick },
      }),
    );
    if (created) jobs.wake();
  }

  function plan(name: string, cron: Cron): void {
    const next = cron.nextRun(clock.now());
    if (next) nextTicks.set(name, next);
    else nextTicks.delete(name);
  }

  /** A tick that could not be enqueued stays planned and is tried at the next look. */
  async function look(): Promise<void> {
    for (const [name, { schedule, cron }] of schedules) {
      const due = nextTicks.get(name);
      if (!due || due.getTime() > clock.ms()) continue;
      try {
        await enqueueTick(schedule, due);
        plan(name, cron);
      } catch (error) {
        log.error({ err: error, schedule: name }, 'A scheduled job could not be enqueued');
      }
    }
  }

  function sleep(): void {
    if (!running) return;
    const soonest = Math.min(...[...nextTicks.values()].map((at) => at.getTime() - clock.ms()), LONGEST_SLEEP_MS);
    timer = setTimeout(
      () => {
        ticking = look().then(sleep);
      },
      Math.max(soonest, 50),
    );
    timer.unref();
  }

  return {
    add(schedule) {
      if (schedules.has(schedule.name)) throw new Error(`There is a schedule named ${schedule.name} already`);
      schedules.set(schedule.name, { schedule, cron: new Cron(schedule.pattern, { timezone: 'UTC', paused: true }) });
    },
    async start() {
      for (const [name, { schedule, cron }] of schedules) {
        const missed = cron.previousRuns(1, clock.now()).at(0);
        if (missed) await enqueueTick(schedule, missed);
        plan(name, cron);
      }
      running = true;
      sleep();
    },
    async stop() {
      running = false;
      clearTimeout(timer);
      await ticking;
    },
  };
}
