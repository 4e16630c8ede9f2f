/**
 * Owns what this device remembers of updates that failed, so that it does not fetch the same bytes to fail again at once, and
 * what the developers of its apps say of known issues. Losing any of it costs a download or a hint, so it is never an error.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere, replaceFile } from './durable.ts';
import type { DeviceErrorCode } from './errors.ts';
import { PACKAGE_ID, type Storage } from './storage.ts';

const FIRST_WAIT_MS = 3_600_000;
const LONGEST_WAIT_MS = 7 * 24 * 3_600_000;
/** What is wrong with this device somebody may have put right meanwhile. */
const LONGEST_OWN_WAIT_MS = 24 * 3_600_000;
const OWN_TROUBLE: readonly string[] = ['DISK_FULL', 'STORAGE_FAILED'] satisfies DeviceErrorCode[];
/** Remembered an app: failures of this many packages, and this many notes. */
const MAX_FAILURES = 8;
const MAX_NOTES = 20;

/** Failures that say nothing of the package: the next try is a matter of the network, the clock or the folder's other user. */
const PASSING: readonly DeviceErrorCode[] = ['NETWORK', 'RATE_LIMITED', 'DEVICE_BUSY', 'CLOCK_WRONG'];

const Failure = z.object({
  versionCode: z.int().positive(),
  /** Of the package; another one under the same code is another try. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  code: z.string().max(40),
  /** How often in a row, with this code. */
  count: z.int().positive(),
  at: z.iso.datetime(),
});
export type Failure = z.infer<typeof Failure>;
const Failures = z.record(PACKAGE_ID, z.array(Failure).max(MAX_FAILURES));

const Note = z.object({
  versionCode: z.int().min(1).max(2_147_483_647),
  /** The reason code of a failed update; null speaks of the version as such. */
  reason: z.string().max(40).nullable(),
  note: z.string().min(1).max(2_000),
});
/** What the developer of an app says of one of its versions. */
export type Note = z.infer<typeof Note>;
const Notes = z.record(PACKAGE_ID, z.array(Note).max(MAX_NOTES));

/** A failed update as a person is told of it. */
export interface FailedUpdate extends Failure {
  /** When it is tried again by itself. */
  readonly retryAt: Date;
  /** What the developer says of it, or null. */
  readonly note: string | null;
}

export interface Outcomes {
  /** Remembers a failure. False for one that says nothing of the package. */
  failed(packageId: string, target: { versionCode: number; sha256: string }, code: DeviceErrorCode): Promise<boolean>;
  /** The failure that keeps a package from being tried by itself now, or null. */
  standing(packageId: string, sha256: string): Promise<FailedUpdate | null>;
  /** The failed updates of an app, the newest version first. */
  of(packageId: string): Promise<FailedUpdate[]>;
  /** Forgets the failures of an app: it was updated or removed. */
  forget(packageId: string): Promise<void>;
  /** Keeps notes of an app, each in place of the one for the same version and reason. */
  keepNotes(packageId: string, notes: readonly Note[]): Promise<void>;
}

export function createOutcomes(storage: Storage, clock: () => Date): Outcomes {
  const failuresPath = join(storage.folders.state, 'failed-updates.json');
  const notesPath = join(storage.folders.state, 'known-issues.json');
  const failures = () => readKept(failuresPath, Failures);
  const notes = () => readKept(notesPath, Notes);
  const noteFor = (known: readonly Note[] | undefined, { versionCode, code }: Failure): string | null => {
    const own = (known ?? []).filter((each) => each.versionCode === versionCode);
    const found = own.find(({ reason }) => reason === code) ?? own.find(({ reason }) => reason === null);
    return found?.note ?? null;
  };
  const told = async (packageId: string): Promise<FailedUpdate[]> => {
    const known = ownEntry(await notes(), packageId);
    return (ownEntry(await failures(), packageId) ?? []).map((failure) => ({
      ...failure,
      retryAt: new Date(Date.parse(failure.at) + waitMs(failure)),
      note: noteFor(known, failure),
    }));
  };
  return {
    async failed(packageId, { versionCode, sha256 }, code) {
      if (PASSING.includes(code) || code.startsWith('METADATA_')) return false;
      const all = await failures();
      const own = ownEntry(all, packageId) ?? [];
      const last = own.find((each) => each.sha256 === sha256);
      const count = last?.code === code ? last.count + 1 : 1;
      const failure: Failure = { versionCode, sha256, code, count, at: clock().toISOString() };
      const next = [failure, ...own.filter((each) => each !== last)].slice(0, MAX_FAILURES);
      next.sort((a, b) => b.versionCode - a.versionCode);
      await replaceFile(failuresPath, JSON.stringify({ ...all, [packageId]: next }), 0o600);
      return true;
    },
    async standing(packageId, sha256) {
      const failure = (await told(packageId)).find((each) => each.sha256 === sha256);
      if (failure === undefined) return null;
      const now = clock().getTime();
      // A clock that was set back must not stretch the wait.
      return now < failure.retryAt.getTime() && now >= Date.parse(failure.at) ? failure : null;
    },
    of: told,
    async forget(packageId) {
      const { [packageId]: gone, ...rest } = await failures();
      if (gone !== undefined) await replaceFile(failuresPath, JSON.stringify(rest), 0o600);
      const { [packageId]: notesGone, ...otherNotes } = await notes();
      if (notesGone !== undefined) await replaceFile(notesPath, JSON.stringify(otherNotes), 0o600);
    },
    async keepNotes(packageId, fresh) {
      const valid = fresh.flatMap((each) => Note.safeParse(each).data ?? []);
      if (valid.length === 0) return;
      const all = await notes();
      const isReplaced = (old: Note) =>
        valid.some(({ versionCode, reason }) => versionCode === old.versionCode && reason === old.reason);
      const before = (ownEntry(all, packageId) ?? []).filter((old) => !isReplaced(old));
      const next = [...valid, ...before].slice(0, MAX_NOTES);
      await replaceFile(notesPath, JSON.stringify({ ...all, [packageId]: next }), 0o600);
    },
  };
}

/** An hour after the first failure, doubled with each of the same kind, up to a week; a day where the device itself is at fault. */
function waitMs({ count, code }: Failure): number {
  const longest = OWN_TROUBLE.includes(code) ? LONGEST_OWN_WAIT_MS : LONGEST_WAIT_MS;
  return Math.min(longest, FIRST_WAIT_MS * 2 ** (Math.min(count, 30) - 1));
}

function ownEntry<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

async function readKept<T>(path: string, shape: z.ZodType<Record<string, T>>): Promise<Record<string, T>> {
  const bytes = await readIfThere(path);
  if (bytes === null) return {};
  try {
    return shape.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return {};
  }
}
