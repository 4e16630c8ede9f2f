/** Owns asking the server what is new for all installed apps at once. The answer is a hint: it decides and installs nothing. */
import { join } from 'node:path';
import { z } from 'zod';
import { TRACKS, type Track } from '../format/trust/targets.ts';
import { readIfThere, replaceFile } from './durable.ts';
import { DeviceError } from './errors.ts';
import { asksToWait, type Network, readJson, request, retryAfterMs } from './http.ts';
import { type InstalledApp, PACKAGE_ID, type Storage } from './storage.ts';

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** What one call may ask about (docs/DEVICE_PROTOCOL.md §3). */
const MAX_APPS = 200;
/** A false answer under the tag of the true one would otherwise hold for as long as nothing moves. */
const MAX_TAG_AGE_MS = 24 * 3_600_000;

const Tag = z.string().min(1).max(64);
const versionCode = z.int().min(1).max(2_147_483_647);
const Update = z.object({
  package_id: PACKAGE_ID,
  version_code: versionCode,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().positive(),
  track: z.enum(TRACKS),
  delta_size: z.int().positive().nullable(),
  kind: z.enum(['update', 'rollback']),
  known_issue: z.string().max(4_000).nullable(),
});
/** What the server offers in place of an installed version; of one app the first is the newest. */
export type Update = z.infer<typeof Update>;
const Answer = z.object({
  tag: Tag,
  updates: z.array(Update).max(4 * MAX_APPS),
  gone: z.array(PACKAGE_ID).max(MAX_APPS),
});
type Answer = z.infer<typeof Answer>;
const Unchanged = z.object({ unchanged: z.literal(true), tag: Tag });
/** The last answer to each question: only to the same question may it be unchanged. */
const Kept = z.array(z.object({ question: z.string(), at: z.iso.datetime(), answer: Answer }));
type Kept = z.infer<typeof Kept>;

export interface UpdateHints {
  readonly updates: readonly Update[];
  /** Installed apps that the store does not serve now. */
  readonly gone: readonly string[];
  /** Nothing moved since the last call. */
  readonly unchanged: boolean;
}

interface Asking {
  readonly network: Network;
  readonly mosisVersion: string;
}

/** What an app is asked about by. */
type AskedApp = Pick<InstalledApp, 'packageId' | 'versionCode' | 'track'>;

/**
 * Asks about all installed apps, in one call for each 200 of them. Keeps the answers in `state/updates.json`, so that an
 * unchanged one costs no bytes. Throws NETWORK, RATE_LIMITED or PROTOCOL.
 */
export async function checkForUpdates(storage: Storage, asking: Asking): Promise<UpdateHints> {
  const apps = Object.values(await storage.readInstalled()).sort((a, b) => (a.packageId < b.packageId ? -1 : 1));
  const path = join(storage.folders.state, 'updates.json');
  const kept = await readKept(path);
  const now = asking.network.clock();
  const answers: Kept = [];
  let unchanged = true;
  for (let at = 0; at < apps.length; at += MAX_APPS) {
    const body = bodyFor(asking, apps.slice(at, at + MAX_APPS));
    const question = JSON.stringify({ server: asking.network.serverUrl, ...body });
    const last = kept.find((each) => each.question === question && isFresh(each.at, now)) ?? null;
    const answer = await ask(asking.network, body, last?.answer ?? null);
    const isSame = last !== null && answer === last.answer;
    answers.push(isSame ? last : { question, at: now.toISOString(), answer });
    unchanged &&= isSame;
  }
  if (!unchanged) await replaceFile(path, JSON.stringify(answers));
  const of = <T>(part: (answer: Answer) => readonly T[]) => answers.flatMap(({ answer }) => part(answer));
  return { updates: of(({ updates }) => updates), gone: of(({ gone }) => gone), unchanged };
}

/** What a track offers of an app that is not installed, but for its version 1. Throws NETWORK, RATE_LIMITED or PROTOCOL. */
export async function checkForApp(packageId: string, track: Track, asking: Asking): Promise<UpdateHints> {
  const answer = await ask(asking.network, bodyFor(asking, [{ packageId, versionCode: 1, track }]), null);
  return { ...answer, unchanged: false };
}

function bodyFor({ mosisVersion }: Asking, apps: readonly AskedApp[]) {
  return {
    mosis_version: mosisVersion,
    apps: apps.map((app) => ({ package_id: app.packageId, version_code: app.versionCode, track: app.track })),
  };
}

/** The answer to one call: a new one, or `last` where that still holds. */
async function ask(network: Network, body: object, last: Answer | null): Promise<Answer> {
  const json = await post(network, { ...body, tag: last?.tag ?? null });
  const unchanged = Unchanged.safeParse(json);
  if (unchanged.success && last !== null && unchanged.data.tag === last.tag) return last;
  const answer = Answer.safeParse(json);
  if (!answer.success) throw new DeviceError('PROTOCOL', 'The server answered the update check in an unknown form.');
  return answer.data;
}

async function post(network: Network, body: object): Promise<unknown> {
  const response = await request(network, `${network.serverUrl}/v1/updates/check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.status === 200) return await readJson(response, MAX_ANSWER_BYTES);
  await response.body?.cancel();
  if (!asksToWait(response))
    throw new DeviceError('PROTOCOL', `The server answered the update check with ${response.status}.`);
  const seconds = Math.ceil((retryAfterMs(response, network.clock()) ?? 0) / 1000);
  throw new DeviceError('RATE_LIMITED', `The server asks to come back in ${seconds} s.`);
}

function isFresh(at: string, now: Date): boolean {
  const ageMs = now.getTime() - Date.parse(at);
  return ageMs >= 0 && ageMs < MAX_TAG_AGE_MS;
}

/** A file that is none of ours is as good as none: the server is asked without a tag. */
async function readKept(path: string): Promise<Kept> {
  const bytes = await readIfThere(path);
  if (bytes === null) return [];
  try {
    return Kept.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return [];
  }
}
