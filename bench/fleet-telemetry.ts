/** Owns the reckoning of telemetry: what devices tracked against the server's own rows, each event exactly once. It changes nothing. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { Client } from '../test/support/client.ts';
import { readLedger } from './fleet-device.ts';
import { APPS, pathsOf } from './fleet-plan.ts';

/** What devices say that they did. */
export interface Told {
  readonly tracked: ReadonlySet<string>;
  /** Markers in files that rotted before they were sent. */
  readonly rotted: ReadonlySet<string>;
  /** Events in those files, with those that have no marker, by app. */
  readonly rottedEvents: ReadonlyMap<string, number>;
  /** Installations and updates among them. */
  readonly rottedMoves: number;
  /** Every batch and crash that was sent at least once. */
  readonly batches: ReadonlyMap<
    string,
    { readonly app: string; readonly types: Readonly<Record<string, number>>; readonly dropped: number }
  >;
  /** Drops that wait to be told, by app. */
  readonly untold: ReadonlyMap<string, number>;
}

/** Reads all devices' ledgers and accounts. */
export function readTold(folder: string, devices: number): Told {
  const tracked = new Set<string>();
  const rotted = new Set<string>();
  const rottedEvents = new Map<string, number>();
  const batches = new Map<string, { app: string; types: Readonly<Record<string, number>>; dropped: number }>();
  const untold = new Map<string, number>();
  let rottedMoves = 0;
  for (let number = 0; number < devices; number += 1) {
    const { ledger, root } = pathsOf(folder, number);
    for (const line of readLedger(ledger)) {
      if (line.kind === 'tracked') tracked.add(line.marker);
      if (line.kind === 'batch') batches.set(line.id, line);
      if (line.kind !== 'rotted') continue;
      for (const marker of line.markers) rotted.add(marker);
      add(rottedEvents, line.app, line.events);
      rottedMoves += line.moves;
    }
    for (const app of APPS) add(untold, app, untoldOf(join(root, 'state', 'telemetry', `${app}.dropped.json`)));
  }
  return { tracked, rotted, rottedEvents, rottedMoves, batches, untold };
}

function untoldOf(path: string): number {
  try {
    const { counts } = JSON.parse(readFileSync(path, 'utf8')) as { counts: Record<string, number> };
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  } catch {
    return 0;
  }
}

function add(map: Map<string, number>, key: string, count: number): void {
  if (count > 0) map.set(key, (map.get(key) ?? 0) + count);
}

export interface Reckoning {
  readonly events: number;
  readonly dropped: number;
  readonly wrong: readonly string[];
}

/** Compares the rows of a server that has stopped with what the devices say; `shown` is what it showed its developer before. */
export function reckon(dataDir: string, told: Told, shown: Shown): Reckoning {
  const wrong: string[] = [];
  const counted = countRows(dataDir);
  const expected = new Map<string, number>();
  for (const [id, { app, types }] of told.batches) {
    const rows = counted.batches.get(id);
    const events = Object.values(types).reduce((sum, count) => sum + count, 0);
    if (rows === undefined) wrong.push(`batch ${id} of ${app} with ${events} events is not on the server`);
    else if (rows.length !== 1 || rows[0] !== events)
      wrong.push(`batch ${id} of ${events} events is there as ${rows.join(' and ')}`);
    for (const [type, count] of Object.entries(types)) add(expected, `${app} ${type}`, count);
  }
  for (const id of counted.batches.keys()) if (!told.batches.has(id)) wrong.push(`batch ${id} was sent by no device`);
  for (const marker of told.tracked) {
    const times = counted.markers.get(marker) ?? 0;
    const due = told.rotted.has(marker) ? 0 : 1;
    if (times !== due) wrong.push(`event ${marker} is there ${times} times instead of ${due}`);
  }
  for (const marker of counted.markers.keys())
    if (!told.tracked.has(marker)) wrong.push(`event ${marker} was tracked by no device`);
  for (const key of new Set([...expected.keys(), ...counted.types.keys(), ...shown.types.keys()])) {
    const [due, rows, seen] = [expected, counted.types, shown.types].map((each) => each.get(key) ?? 0);
    if (due !== rows || rows !== seen) wrong.push(`${key}: ${due} sent, ${rows} rows, ${seen} shown to the developer`);
  }
  for (const app of APPS) {
    const [due, seen, untold] = [told.rottedEvents, shown.dropped, told.untold].map((each) => each.get(app) ?? 0);
    if (due !== (seen ?? 0) + (untold ?? 0))
      wrong.push(`${app}: ${due} events were destroyed, ${seen} shown as dropped, ${untold} still to be told`);
  }
  const sum = (map: ReadonlyMap<string, number>) => [...map.values()].reduce((total, count) => total + count, 0);
  return { events: sum(counted.types), dropped: sum(told.rottedEvents), wrong };
}

function countRows(dataDir: string) {
  const names = packageIds(dataDir);
  const types = new Map<string, number>();
  const markers = new Map<string, number>();
  const batches = new Map<string, number[]>();
  const folder = join(dataDir, 'telemetry');
  for (const name of readdirSync(folder).filter((each) => /^\d{4}-\d{2}.*\.db$/.test(each))) {
    const db = new Sqlite(join(folder, name), { readonly: true });
    const rows = db
      .prepare<[], { app: string; type: string; data: string | null; message: string | null }>(
        `SELECT a.app, t.name AS type, e.data, c.message FROM events e JOIN batches b ON b.id = e.batch JOIN apps a ON a.id = b.app
           JOIN types t ON t.id = e.type LEFT JOIN crashes c ON c.event = e.id`,
      )
      .iterate();
    for (const { app, type, data, message } of rows) {
      add(types, `${names.get(app) ?? app} ${type}`, 1);
      const marker = /\bd\d+-r\d+-[a-z.]+-[a-z_]+/.exec(`${data ?? ''} ${message ?? ''}`)?.[0];
      if (marker !== undefined) add(markers, marker, 1);
    }
    const sent = db
      .prepare<[], { batch: Buffer; events: number }>('SELECT batch, event_count AS events FROM batches')
      .all();
    for (const { batch, events } of sent) {
      const id = batch.toString('hex');
      batches.set(id, [...(batches.get(id) ?? []), events]);
    }
    db.close();
  }
  return { types, markers, batches };
}

/** Telemetry knows apps by their key in the database. */
function packageIds(dataDir: string): Map<string, string> {
  const db = new Sqlite(join(dataDir, 'core.db'), { readonly: true });
  const rows = db.prepare<[], { id: string; name: string }>('SELECT id, package_id AS name FROM apps').all();
  db.close();
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** What the developer sees: events by app and type, and drops by app. */
export interface Shown {
  readonly types: ReadonlyMap<string, number>;
  readonly dropped: ReadonlyMap<string, number>;
  /** Downloads by app: whole packages, deltas. */
  readonly downloads: ReadonlyMap<string, { readonly full: number; readonly delta: number }>;
}

/** Asks the API as the developer's dashboard does. */
export async function readShown(developer: Client): Promise<Shown> {
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const types = new Map<string, number>();
  const dropped = new Map<string, number>();
  const downloads = new Map<string, { full: number; delta: number }>();
  for (const packageId of APPS) {
    const { app } = await developer.query<{
      app: {
        telemetry: { totals: { type: string; count: number }[]; dropped: { count: number }[] };
        versions: { nodes: { downloads: { full: number; delta: number }[] }[] };
      };
    }>(
      `query($packageId: String!, $range: DateRange!) { app(packageId: $packageId) {
        telemetry(range: $range) { totals { type count } dropped { reason count } }
        versions(first: 20) { nodes { downloads(range: $range) { full delta } } } } }`,
      { packageId, range: { from: day(-2), to: day(2) } },
    );
    for (const { type, count } of app.telemetry.totals) add(types, `${packageId} ${type}`, Number(count));
    for (const { count } of app.telemetry.dropped) add(dropped, packageId, Number(count));
    const days = app.versions.nodes.flatMap((version) => version.downloads);
    const sum = (of: 'full' | 'delta') => days.reduce((total, each) => total + each[of], 0);
    downloads.set(packageId, { full: sum('full'), delta: sum('delta') });
  }
  return { types, dropped, downloads };
}
