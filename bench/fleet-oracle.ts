/**
 * Owns what must be on each device, worked out by itself from the rollouts in the server's database and what the device is, and the
 * comparison with what lies in its folder. It uses nothing of device/.
 */
import { createHash, createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { type AppId, appsOf, type LedgerLine, NOTES, pathsOf, type Traits } from './fleet-plan.ts';
import type { FleetVersion } from './fleet-store.ts';

interface Offer {
  readonly app: AppId;
  readonly code: number;
  readonly minMosis: string;
  readonly track: 'STABLE' | 'BETA';
  readonly seed: string;
  readonly basisPoints: number;
}

interface TakenBack {
  readonly app: AppId;
  readonly track: 'STABLE' | 'BETA';
  readonly from: number;
  readonly to: number;
  readonly restoresData: boolean;
}

/** What the store offers at one moment. */
export interface Shelf {
  readonly offers: readonly Offer[];
  readonly takenBack: readonly TakenBack[];
}

/** Reads the shelf from the server's database. */
export function readShelf(dataDir: string): Shelf {
  const db = new Sqlite(join(dataDir, 'core.db'), { readonly: true });
  try {
    const offers = db
      .prepare<[], Offer>(
        `SELECT a.package_id AS app, v.version_code AS code, v.min_mosis_version AS minMosis, r.track, r.seed, r.basis_points AS basisPoints
           FROM rollouts r JOIN app_versions v ON v.id = r.version_id JOIN apps a ON a.id = v.app_id
          WHERE a.status = 'PUBLISHED' AND v.state = 'PUBLISHED' AND r.state IN ('ACTIVE', 'COMPLETE')`,
      )
      .all();
    const takenBack = db
      .prepare<[], Omit<TakenBack, 'restoresData'> & { restoresData: number }>(
        `SELECT a.package_id AS app, b.track, b.from_code AS "from", v.version_code AS "to", b.restore_data AS restoresData
           FROM rollbacks b JOIN app_versions v ON v.id = b.to_version_id JOIN apps a ON a.id = v.app_id
          WHERE a.status = 'PUBLISHED'`,
      )
      .all();
    return { offers, takenBack: takenBack.map((row) => ({ ...row, restoresData: row.restoresData !== 0 })) };
  } finally {
    db.close();
  }
}

/** What is on a device: codes by app, and what its data says. */
export interface Expected {
  readonly codes: ReadonlyMap<AppId, number>;
  /** What the harness found in each app's data when the round's version began to run. */
  readonly data: ReadonlyMap<AppId, string>;
}

/** What a device that had `before` has after a round. */
export function expectedAfter(shelf: Shelf, traits: Traits, folder: string, before: Expected | null): Expected {
  const codes = new Map<AppId, number>();
  const data = new Map<AppId, string>();
  if (traits.isLost) return { codes, data };
  for (const app of appsOf(traits)) {
    const installed = before?.codes.get(app) ?? 0;
    const next = nextCode(shelf, traits, folder, { app, installed });
    codes.set(app, next.code);
    // The version of before wrote its code last; what it had found itself when it began is what an update kept a copy of.
    data.set(app, installed === 0 ? '' : String(next.restoresData ? next.code : installed));
  }
  return { codes, data };
}

function nextCode(
  { offers, takenBack }: Shelf,
  traits: Traits,
  folder: string,
  { app, installed }: { readonly app: AppId; readonly installed: number },
): { readonly code: number; readonly restoresData: boolean } {
  const follows = (track: string) => track === 'STABLE' || (app === NOTES && traits.track === 'beta');
  const number = createHmac('sha256', secretOf(folder, traits)).update('mosis-rollout-v1').digest();
  const reaches = ({ seed, basisPoints }: Offer) => {
    const hash = createHash('sha256').update(Buffer.from(seed, 'hex')).update(number).digest();
    return Number(hash.readBigUInt64BE(0)) / 2 ** 64 < basisPoints / 10_000;
  };
  const mine = offers.filter(
    (offer) => offer.app === app && follows(offer.track) && isNotAbove(offer.minMosis, traits.mosisVersion),
  );
  const highest = Math.max(0, ...mine.filter(reaches).map(({ code }) => code));
  if (highest > installed) return { code: highest, restoresData: false };
  const back = takenBack.find((entry) => entry.app === app && entry.from === installed && follows(entry.track));
  return back === undefined
    ? { code: installed, restoresData: false }
    : { code: back.to, restoresData: back.restoresData };
}

function secretOf(folder: string, { number }: Traits): Buffer {
  return Buffer.from(readFileSync(join(pathsOf(folder, number).root, 'state', 'secret'), 'utf8').trim(), 'hex');
}

/** Versions of Mosis in this fleet are plain numbers. */
function isNotAbove(minimum: string, version: string): boolean {
  const [a = [], b = []] = [minimum, version].map((text) => text.split('.').map(Number));
  for (let n = 0; n < 3; n += 1) if ((a[n] ?? 0) !== (b[n] ?? 0)) return (a[n] ?? 0) < (b[n] ?? 0);
  return true;
}

/** What is wrong with a device after a round, one line each. */
export function auditDevice(
  context: {
    readonly folder: string;
    readonly versions: readonly FleetVersion[];
    readonly round: number;
    readonly isLast: boolean;
  },
  traits: Traits,
  expected: Expected,
  ledger: readonly LedgerLine[],
): string[] {
  const { root } = pathsOf(context.folder, traits.number);
  const wrong: string[] = [];
  const say = (what: string) => void wrong.push(`device ${traits.number}: ${what}`);
  const installed = installedOf(root);
  if (traits.isLost) {
    const codes = [...new Set(ledger.flatMap((line) => (line.kind === 'refused' ? [line.code] : [])))];
    if (installed.size > 0)
      say(`its clock is off by ${traits.skewMs} ms and it has ${[...installed.keys()].join(', ')}`);
    if (codes.join() !== 'CLOCK_WRONG')
      say(`its clock is off by ${traits.skewMs} ms and it was refused with ${codes.join(', ')}`);
    for (const app of namesIn(join(root, 'apps'))) say(`it has apps/${app}`);
  }
  for (const app of new Set([...installed.keys(), ...expected.codes.keys()])) {
    const code = expected.codes.get(app as AppId);
    if (installed.get(app) !== code) say(`${app} is at ${installed.get(app)} instead of ${code}`);
    const version = context.versions.find((each) => each.app === app && each.code === code);
    if (version !== undefined)
      wrong.push(
        ...differences(join(root, 'apps', app, 'package'), version).map(
          (what) => `device ${traits.number}: ${app} ${what}`,
        ),
      );
  }
  for (const line of ledger) {
    if (line.kind !== 'data' || line.round !== context.round) continue;
    const text = expected.data.get(line.app);
    if (line.text !== text) say(`${line.app} found "${line.text}" in its data instead of "${text}"`);
  }
  if (context.isLast) for (const name of leftovers(root)) say(`left over: ${name}`);
  return wrong;
}

function installedOf(root: string): Map<string, number> {
  const path = join(root, 'state', 'installed.json');
  if (!existsSync(path)) return new Map();
  const { apps } = JSON.parse(readFileSync(path, 'utf8')) as { apps: Record<string, { versionCode: number }> };
  return new Map(Object.entries(apps).map(([app, { versionCode }]) => [app, versionCode]));
}

/** Byte by byte. */
function differences(folder: string, { files, code }: FleetVersion): string[] {
  const wrong: string[] = [];
  const names = existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    : [];
  for (const name of names) if (!files.has(name)) wrong.push(`has ${name}, which ${code} has not`);
  for (const [name, bytes] of files) {
    if (!names.includes(name)) wrong.push(`lacks ${name} of ${code}`);
    else if (!readFileSync(join(folder, name)).equals(bytes)) wrong.push(`has other bytes in ${name} than ${code}`);
  }
  return wrong;
}

/** Files that only work under way may have; what a kill leaves half written included. */
function leftovers(root: string): string[] {
  const found = [
    ...namesIn(join(root, 'downloads')).map((name) => `downloads/${name}`),
    ...namesIn(join(root, 'staging')).map((name) => `staging/${name}`),
  ];
  const state = join(root, 'state');
  const files = existsSync(state) ? readdirSync(state, { recursive: true, encoding: 'utf8' }) : [];
  const isLeft =
    /(\.tmp|\.part)$|^journal\.json$|^(secret|lock|telemetry\.lock|sending\.lock)\.|lock$|\.(report\.json|open\.jsonl|sealed\.jsonl|taken\.json)$/;
  // Damaged files are kept for a look; what a living process may be writing goes only when it is a minute old.
  const isSpared = /damaged|^\.?secret\.|^\.known-issues\./;
  return [
    ...found,
    ...files.filter((name) => isLeft.test(name) && !isSpared.test(name)).map((name) => `state/${name}`),
  ];
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
