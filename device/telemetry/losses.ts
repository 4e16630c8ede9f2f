/** Owns the account of events that this device dropped, each exactly once, and the damaged files it sets aside. It sends nothing. */
import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { exists, makeFolder, readIfThere, removeFile, replaceFile, syncFolder } from '../durable.ts';
import { namesIn } from '../storage.ts';
import {
  isTemporary,
  Losses,
  lossesName,
  parseJson,
  parseLossesName,
  parseTakenName,
  QUEUE_LIMITS,
  SET_ASIDE,
  sealedName,
  sumOfLosses,
} from './layout.ts';

/** Losses since the last batch. `last` names the file counted last, which may still have to go. */
const Account = z.object({ counts: Losses, last: z.string() });

/**
 * Adds to an app's account what went with the file `last` ('' for none); the caller removes that file next. A kill in between
 * leaves it named here, and `finishLosses` removes it uncounted.
 */
export async function countLosses(folder: string, packageId: string, losses: Losses, last: string): Promise<void> {
  const path = join(folder, lossesName(packageId));
  const before = await pendingRemoval(folder, packageId);
  if (before !== null && before !== last) await removeFile(join(folder, before));
  const counts = sumOfLosses((await readLosses(path)) ?? {}, losses);
  await replaceFile(path, JSON.stringify({ counts, last }), 0o600);
}

/** The file that an app's account counted last, where it is still there; null otherwise. */
export async function pendingRemoval(folder: string, packageId: string): Promise<string | null> {
  const bytes = await readIfThere(join(folder, lossesName(packageId)));
  const account = Account.safeParse(parseJson(bytes?.toString('utf8') ?? ''));
  if (!account.success || account.data.last === '') return null;
  return (await exists(join(folder, account.data.last))) ? account.data.last : null;
}

/** The counts in an account, or null without one. A damaged account is set aside and counts as one damaged event. */
export async function readLosses(path: string): Promise<Losses | null> {
  const bytes = await readIfThere(path);
  if (bytes === null) return null;
  const account = Account.safeParse(parseJson(bytes.toString('utf8')));
  return account.success ? account.data.counts : { damaged: 1 };
}

/** Carries through what an interrupted run began: removes what it had counted or handed on, and what it had half written. */
export async function finishLosses(folder: string): Promise<void> {
  const names = new Set(await namesIn(folder));
  for (const name of names) {
    const taken = parseTakenName(name);
    const handedOn = taken !== null && !names.has(sealedName(taken.packageId, taken.sealId));
    if (handedOn || isTemporary(name)) await removeFile(join(folder, name));
    const packageId = parseLossesName(name);
    const counted = packageId === null ? null : await pendingRemoval(folder, packageId);
    if (counted !== null) await removeFile(join(folder, counted));
  }
}

/** Keeps a damaged file to be looked at, the last few of them; nothing reads it again. */
export async function setAside(folder: string, name: string): Promise<void> {
  const aside = join(folder, SET_ASIDE);
  await makeFolder(aside, 0o700);
  await rename(join(folder, name), join(aside, name));
  await syncFolder(aside);
  await syncFolder(folder);
  const kept = await Promise.all(
    (await namesIn(aside)).map(async (each) => ({ each, changedMs: (await stat(join(aside, each))).ctimeMs })),
  );
  kept.sort((a, b) => b.changedMs - a.changedMs);
  for (const { each } of kept.slice(QUEUE_LIMITS.maxSetAside)) await removeFile(join(aside, each));
}
