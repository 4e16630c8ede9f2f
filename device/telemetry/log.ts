/** Owns each app's log of open events and how it becomes batches. It sends nothing. */
import { randomUUID } from 'node:crypto';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFile, syncFolder } from '../durable.ts';
import { systemCode } from '../errors.ts';
import { namesIn } from '../storage.ts';
import {
  LoggedEvent,
  type Losses,
  lossesName,
  openName,
  parseJson,
  parseOpenName,
  parseSealedName,
  QUEUE_LIMITS,
  sealedName,
  sumOfLosses,
  takenName,
  uuidOf,
} from './layout.ts';
import { countLosses, readLosses, setAside } from './losses.ts';
import { enqueue } from './queue.ts';

/** What a batch says of its app and device beside its events. */
export type AppFields = (packageId: string) => Promise<Record<string, unknown>>;

export interface Sealing {
  readonly folder: string;
  readonly appFields: AppFields;
  readonly onStep: (step: string) => void;
}

/** Adds a line to an app's log; on disk when it returns. A line that a power cut left half written is ended first. */
export async function appendEvent(folder: string, packageId: string, line: string): Promise<void> {
  const file = await open(join(folder, openName(packageId)), 'a+', 0o600);
  let isNew: boolean;
  try {
    const { size } = await file.stat();
    isNew = size === 0;
    const last = Buffer.alloc(1);
    if (!isNew) await file.read(last, 0, 1, size - 1);
    await file.appendFile(isNew || last[0] === 0x0a ? `${line}\n` : `\n${line}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
  if (isNew) await syncFolder(folder);
}

/** Bytes of an app's log; 0 without one. */
export async function logBytes(folder: string, packageId: string): Promise<number> {
  try {
    return (await stat(join(folder, openName(packageId)))).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw error;
  }
}

/** Turns every log of open events into batches. */
export async function sealAll(sealing: Sealing): Promise<void> {
  for (const name of await namesIn(sealing.folder)) {
    const packageId = parseOpenName(name);
    if (packageId !== null) await beginSeal(sealing, packageId);
  }
  await finishSeals(sealing);
}

/** Turns one app's log into batches. */
export async function sealOne(sealing: Sealing, packageId: string): Promise<void> {
  await beginSeal(sealing, packageId);
  await finishSeals(sealing);
}

/** Sets a log aside under an id of its own, from which its batches get theirs, and what the first one tells of losses. */
async function beginSeal({ folder, onStep }: Sealing, packageId: string): Promise<void> {
  const sealId = randomUUID();
  onStep('seal-log');
  await rename(join(folder, openName(packageId)), join(folder, sealedName(packageId, sealId)));
  await syncFolder(folder);
  onStep('take-losses');
  // After the events: a kill in between leaves the counts for the next batch.
  const losses = join(folder, lossesName(packageId));
  if ((await readLosses(losses)) === null) return;
  await rename(losses, join(folder, takenName(packageId, sealId)));
  await syncFolder(folder);
}

/**
 * Makes batches of every log that was set aside. A kill repeats this with the same ids before anything of it is sent or
 * dropped, so no event counts twice; whoever sends or drops calls it first.
 */
export async function finishSeals(sealing: Sealing): Promise<void> {
  const { folder, appFields, onStep } = sealing;
  for (const name of await namesIn(folder)) {
    const sealed = parseSealedName(name);
    if (sealed === null) continue;
    const { packageId, sealId } = sealed;
    const taken = join(folder, takenName(packageId, sealId));
    const log = parseLog(await readFile(join(folder, name), 'utf8'));
    const damaged: Losses = log.damaged === 0 ? {} : { damaged: log.damaged };
    const losses = sumOfLosses((await readLosses(taken)) ?? {}, damaged);
    const isLoss = Object.keys(losses).length > 0;
    if (log.events.length === 0 && isLoss) await countLosses(folder, packageId, losses, name);
    for (const [index, part] of batchesOf(log.events).entries()) {
      // The same sealed log and place always get the same id.
      const id = uuidOf(`${sealId}/${index}`);
      const dropped = index === 0 && isLoss ? { dropped: losses } : {};
      const body = { batch_id: id, ...(await appFields(packageId)), ...dropped, ...part };
      onStep('enqueue');
      await enqueue(
        folder,
        { id, packageId, count: part.events.length },
        { path: '/v1/telemetry/events', firstSentAt: null, body },
      );
    }
    onStep('remove-log');
    if (log.damaged > 0) await setAside(folder, name);
    else await removeFile(join(folder, name));
    onStep('remove-taken');
    await removeFile(taken);
  }
}

/** The events of a log, and how many lines are none. */
function parseLog(text: string): { events: LoggedEvent[]; damaged: number } {
  const events: LoggedEvent[] = [];
  let damaged = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const event = LoggedEvent.safeParse(parseJson(line));
    if (event.success) events.push(event.data);
    else damaged += 1;
  }
  return { events, damaged };
}

interface Batch {
  readonly app_version: string;
  readonly version_code: number;
  readonly consent: boolean;
  readonly events: Pick<LoggedEvent, 'type' | 'at' | 'data'>[];
}

/** Neighbours of the same version and consent, up to what the server takes. */
function batchesOf(events: readonly LoggedEvent[]): Batch[] {
  const batches: Batch[] = [];
  let bytes = 0;
  for (const { app_version, version_code, consent, ...event } of events) {
    const size = Buffer.byteLength(JSON.stringify(event)) + 1;
    const last = batches.at(-1);
    const isSame = last?.version_code === version_code && last.app_version === app_version && last.consent === consent;
    const fits = last !== undefined && last.events.length < QUEUE_LIMITS.maxBatchEvents;
    if (isSame && fits && bytes + size <= QUEUE_LIMITS.maxBatchBytes) {
      last.events.push(event);
      bytes += size;
    } else {
      batches.push({ app_version, version_code, consent, events: [event] });
      bytes = size;
    }
  }
  return batches;
}
