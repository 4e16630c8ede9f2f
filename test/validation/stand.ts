/** Owns what tests of the checks share: packages that take the worker a while, and looks at what the checks left. It asserts nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import type { TestApp } from '../support/app.ts';
import type { TestClock } from '../support/clock.ts';

/** Scripts that keep the Lua check busy for half a second or more, so that something can happen meanwhile. */
export const SLOW_SCRIPTS: Record<string, string> = {
  'assets/main.lua': [
    'local saved = mosis.storage.get("greeting")',
    ...Array.from({ length: 160 }, (_, index) => `require("part${index}")`),
    'return saved\n',
  ].join('\n'),
  ...Object.fromEntries(
    Array.from({ length: 160 }, (_, index) => {
      const line = (at: number) => `local function f${at}(a) if a > ${index} then return { x = a } end return f(a) end`;
      return [`assets/part${index}.lua`, `${Array.from({ length: 150 }, (_, at) => line(at)).join('\n')}\nreturn 1\n`];
    }),
  ),
};

export interface CheckRow {
  readonly name: string;
  readonly state: string;
  readonly errors: number;
  readonly warnings: number;
}

/** The rows of a version's checks, by name. */
export function checksOf(app: TestApp, key: string): CheckRow[] {
  return app.rows<CheckRow>(
    'SELECT "check" AS name, state, errors, warnings FROM check_runs WHERE version_id = ? ORDER BY "check"',
    key,
  );
}

/** Names of the checks that events of the type tell of, in their order. */
export function told(app: TestApp, key: string, type: string): string[] {
  return app
    .rows<{ payload: string }>('SELECT payload FROM events WHERE version_id = ? AND type = ? ORDER BY n', key, type)
    .map(({ payload }) => String(JSON.parse(payload).check));
}

export interface JobRow {
  readonly state: string;
  readonly attempt: number;
}

/** The jobs of a kind that name the id. */
export function jobsOf(app: TestApp, kind: string, id: string): JobRow[] {
  return app.rows<JobRow>('SELECT state, attempt FROM jobs WHERE kind = ? AND payload LIKE ?', kind, `%${id}%`);
}

/** Lets the time that failed attempts wait pass at once, until no job of that kind and id is left to do. */
export async function drive(
  app: TestApp,
  clock: TestClock,
  { kind, id }: { readonly kind: string; readonly id: string },
): Promise<void> {
  for (let tries = 0; tries < 1500; tries += 1) {
    const [job] = jobsOf(app, kind, id);
    if (job?.state === 'DONE' || job?.state === 'DEAD') return;
    if (job?.state === 'READY') {
      clock.advance(10_000);
      app.services.jobs.wake();
    }
    await delay(20);
  }
  throw new Error(`the ${kind} job of ${id} did not end`);
}
