/** Owns acts that outlive the server: each is tried until it is acknowledged, whatever was killed meanwhile. It judges nothing. */
import { setTimeout as delay } from 'node:timers/promises';

/** A refusal that is an answer: trying again changes nothing. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** What the killer waits for: the moment an act of this kind is on its way. */
export const MOMENTS = ['upload', 'received', 'submit', 'checks', 'claim', 'decision', 'publish', 'telemetry'] as const;
export type Moment = (typeof MOMENTS)[number];

/** Where every act waits while there is no server, and where the killer learns what is happening. */
export interface Stage {
  /** Runs an act until the server answers it; a broken connection is tried again at the next server. Throws Refused. */
  survive<Result>(moment: Moment, act: (attempt: number) => Promise<Result>): Promise<Result>;
  /** A server runs from now on. */
  raise(): void;
  /** The server is being killed; acts wait. */
  lower(): void;
  /** Resolves when an act of that kind is sent. */
  next(moment: Moment): Promise<void>;
  /** Acts that were sent again because no answer came. */
  readonly repeats: number;
}

export function createStage(): Stage {
  let up = Promise.withResolvers<void>();
  let generation = 0;
  let repeats = 0;
  const listeners = new Map<Moment, (() => void)[]>();

  function announce(moment: Moment): void {
    for (const listener of listeners.get(moment) ?? []) listener();
    listeners.delete(moment);
  }

  return {
    get repeats() {
      return repeats;
    },
    async survive(moment, act) {
      for (let attempt = 0; ; attempt += 1) {
        await up.promise;
        const mine = generation;
        announce(moment);
        try {
          return await act(attempt);
        } catch (error) {
          if (error instanceof Refused) {
            if (error.code !== 'RATE_LIMITED' && error.code !== 'OVERLOADED') throw error;
            await delay(300);
            continue;
          }
          // Only the killer may be the reason for no answer; the same server has no second chance.
          await delay(50);
          if (mine === generation) throw error;
          repeats += 1;
        }
      }
    },
    raise() {
      up.resolve();
    },
    lower() {
      generation += 1;
      up = Promise.withResolvers();
    },
    next(moment) {
      const { promise, resolve } = Promise.withResolvers<void>();
      listeners.set(moment, [...(listeners.get(moment) ?? []), resolve]);
      return promise;
    },
  };
}
