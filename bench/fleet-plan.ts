/** Owns what the fleet is told: who each device is, by its number and the seed alone, and what a round asks of it. It runs nothing. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Track } from '../format/trust/targets.ts';

const HOUR_MS = 3_600_000;

/** Apps of the fleet: every device has the first two. */
export const APPS = ['com.fleet.notes', 'com.fleet.maps', 'com.fleet.radio'] as const;
export const [NOTES, MAPS, RADIO] = APPS;
export type AppId = (typeof APPS)[number];

/** What a simulated device is, before anything happens to it. */
export interface Traits {
  readonly number: number;
  readonly mosisVersion: '1.0.0' | '1.2.0';
  /** The track on which it follows NOTES; it follows all else on stable. */
  readonly track: Track;
  readonly skewMs: number;
  /** Its clock is off by more than 12 hours: it must end with CLOCK_WRONG and nothing installed. */
  readonly isLost: boolean;
  readonly consent: boolean;
  /** Whether it has RADIO, which is suspended on the way. */
  readonly hasRadio: boolean;
  /** A file of its queue rots: what was in it is counted as damaged. */
  readonly rots: boolean;
  /** Sent as X-Forwarded-For, as the gateway of its network would: limits by address are for each device its own. */
  readonly address: string;
}

/** A number from 0 up to 1 that the same words always get. */
export function chanceOf(...words: readonly (string | number)[]): number {
  return createHash('sha256').update(words.join('/')).digest().readUInt32BE(0) / 2 ** 32;
}

export function traitsOf(seed: number, number: number): Traits {
  const roll = (what: string) => chanceOf(seed, number, what);
  // By number, so that a small fleet has some of each too.
  const isLost = number % 25 === 3;
  const near = (roll('skew') * 2 - 1) * 11.9 * HOUR_MS;
  // Ahead, only a day and more is noticed: the timestamp lasts for 24 hours.
  const far = roll('far') < 0.5 ? -(13 + 40 * roll('skew')) * HOUR_MS : (25 + 40 * roll('skew')) * HOUR_MS;
  return {
    number,
    mosisVersion: roll('mosis') < 0.3 ? '1.0.0' : '1.2.0',
    track: roll('track') < 0.2 ? 'beta' : 'stable',
    skewMs: Math.round(isLost ? far : near),
    isLost,
    consent: roll('consent') < 0.5,
    hasRadio: roll('radio') < 0.3,
    rots: number % 20 === 5,
    address: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
  };
}

export const appsOf = ({ hasRadio }: Traits): readonly AppId[] => (hasRadio ? APPS : [NOTES, MAPS]);

/** What a round asks of every device. */
export interface Round {
  readonly name: string;
  readonly index: number;
  /** `install`: get the apps; `update`: look for what is new; `refresh`: only bring the metadata up to date, and send nothing. */
  readonly kind: 'install' | 'update' | 'refresh';
  /** A file of the queue rots in this round, where `Traits.rots`. */
  readonly rot: boolean;
}

/** What a worker process is started with. */
export interface WorkerOrder {
  readonly seed: number;
  readonly folder: string;
  readonly from: number;
  readonly to: number;
  /** Where the cutting link listens. */
  readonly serverUrl: string;
  readonly rootFile: string;
  readonly concurrency: number;
  readonly round: Round;
}

/** Where a device and its harness keep things. */
export function pathsOf(folder: string, number: number) {
  const home = join(folder, `d${number}`);
  return {
    home,
    /** The device's own folder: everything in it is made by device/. */
    root: join(home, 'root'),
    /** What the harness saw: one JSON a line, appended before and after each act. */
    ledger: join(home, 'ledger.jsonl'),
  };
}

/** A line of a device's ledger. */
export type LedgerLine =
  /** An event that is about to be tracked; `marker` is in its data, in the device's queue and in the server's rows. */
  | { readonly kind: 'intent'; readonly app: AppId; readonly type: string; readonly marker: string }
  /** It is on disk, as the reporter said, or as was found after a kill. */
  | { readonly kind: 'tracked'; readonly marker: string }
  /** The harness destroys this file of the queue, with these and `others` events in it. */
  | {
      readonly kind: 'rotted';
      readonly app: string;
      readonly file: string;
      readonly markers: readonly string[];
      readonly events: number;
      /** Installations and updates among them. */
      readonly moves: number;
    }
  /** A batch or crash is about to be sent: what is in it, by type, and the drops that it tells of. */
  | {
      readonly kind: 'batch';
      readonly id: string;
      readonly app: string;
      readonly types: Readonly<Record<string, number>>;
      readonly dropped: number;
    }
  /** What was in the app's data after the update of that round, before the new version wrote there. */
  | { readonly kind: 'data'; readonly round: number; readonly app: AppId; readonly text: string }
  /** How a device with a lost clock was refused. */
  | { readonly kind: 'refused'; readonly code: string }
  /** Asked for a package or a delta. */
  | { readonly kind: 'asked'; readonly app: string; readonly code: number }
  /** The answer's head came; its body may still break off. */
  | {
      readonly kind: 'bytes';
      readonly app: string;
      readonly code: number;
      readonly way: 'whole' | 'delta';
      readonly bytes: number;
    }
  | { readonly kind: 'round'; readonly index: number; readonly tries: number };
