/** Owns asking the server what is new for all installed apps in one call. The answer is a hint: it decides and installs nothing. */
import { join } from 'node:path';
import { z } from 'zod';
import { TRACKS } from '../format/trust/targets.ts';
import { readIfThere, replaceFile } from './durable.ts';
import { DeviceError } from './errors.ts';
import { asksToWait, type Network, readJson, request, retryAfterMs } from './http.ts';
import { PACKAGE_ID, type Storage } from './storage.ts';

const MAX_ANSWER_BYTES = 1024 * 1024;
/** What one call may ask about (docs/DEVICE_PROTOCOL.md §3). */
const MAX_APPS = 200;

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
  known_issue: z.string().max(500).nullable(),
});
/** What the server offers in place of an installed version; of one app the first is the newest. */
export type Update = z.infer<typeof Update>;
const Answer = z.object({
  tag: Tag,
  updates: z.array(Update).max(4 * MAX_APPS),
  gone: z.array(PACKAGE_ID).max(MAX_APPS),
});
const Unchanged = z.object({ unchanged: z.literal(true), tag: Tag });
/** The last answer, and what it was an answer to: only to the same question may it be unchanged. */
const Kept = z.object({ question: z.string(), answer: Answer });

export interface UpdateHints {
  readonly updates: readonly Update[];
  /** Installed apps that the store does not serve now. */
  readonly gone: readonly string[];
  /** Nothing moved since the last call. */
  readonly unchanged: boolean;
}

/**
 * Asks about the installed apps, the first 200 by id. Keeps the answer in `state/updates.json`, so that an unchanged one costs
 * no bytes. Throws NETWORK, RATE_LIMITED or PROTOCOL.
 */
export async function checkForUpdates(
  storage: Storage,
  { network, mosisVersion }: { readonly network: Network; readonly mosisVersion: string },
): Promise<UpdateHints> {
  const apps = Object.values(await storage.readInstalled())
    .sort((a, b) => (a.packageId < b.packageId ? -1 : 1))
    .slice(0, MAX_APPS)
    .map((app) => ({ package_id: app.packageId, version_code: app.versionCode, track: app.track }));
  if (apps.length === 0) return { updates: [], gone: [], unchanged: true };
  const path = join(storage.folders.state, 'updates.json');
  const question = JSON.stringify({ server: network.serverUrl, mosisVersion, apps });
  const kept = await readKept(path, question);
  const json = await ask(network, { mosis_version: mosisVersion, tag: kept?.tag ?? null, apps });
  const unchanged = Unchanged.safeParse(json);
  if (unchanged.success && kept !== null && unchanged.data.tag === kept.tag) return { ...kept, unchanged: true };
  const answer = Answer.safeParse(json);
  if (!answer.success) throw new DeviceError('PROTOCOL', 'The server answered the update check in an unknown form.');
  await replaceFile(path, JSON.stringify({ question, answer: answer.data }));
  return { ...answer.data, unchanged: false };
}

async function ask(network: Network, body: object): Promise<unknown> {
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

/** A file that is none of ours is as good as none: the server is asked without a tag. */
async function readKept(path: string, question: string): Promise<z.infer<typeof Answer> | null> {
  const bytes = await readIfThere(path);
  if (bytes === null) return null;
  try {
    const kept = Kept.parse(JSON.parse(bytes.toString('utf8')));
    return kept.question === question ? kept.answer : null;
  } catch {
    return null;
  }
}
