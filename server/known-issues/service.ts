/**
 * Owns the notes on known issues of versions: who writes and removes them, and which of them a device is told. It is the only
 * writer of their table.
 */
import { z } from 'zod';
import type { Viewer } from '../accounts/viewer.ts';
import { parseInput, shownText } from '../apps/inputs.ts';
import type { ActOrigin } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import { once } from '../idempotency.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { Work } from '../unit-of-work.ts';
import { actorId, loadFor, note } from '../versions/records.ts';
import { createNotes, keyOf, type StoredNote } from './notes.ts';
import { MAX_REASON_CHARS, REASON_PATTERN } from './reasons.ts';

export const KNOWN_ISSUE_LIMITS = Object.freeze({
  maxNoteChars: 500,
  maxNotesPerVersion: 50,
  /** Different failed updates that one answer to a device looks notes up for. */
  maxFailuresPerAnswer: 20,
  /** Notes of one app that devices are told of, those of its newest versions. */
  maxNotesRead: 2_000,
});

/** As stored for "any reason": a unique index takes no nulls. */
const ANY_REASON = '';

const noteSchema = z.object({
  reason: z
    .string()
    .max(MAX_REASON_CHARS, `must have at most ${MAX_REASON_CHARS} characters`)
    .regex(REASON_PATTERN, 'must be a reason code such as DOWNLOAD_CORRUPT, or left out for any reason')
    .nullish()
    .transform((reason) => reason ?? null),
  // Counted as devices count: a letter beyond the first plane is two.
  note: shownText(KNOWN_ISSUE_LIMITS.maxNoteChars)
    .refine((text) => text !== '', 'must have at least 1 character')
    .refine(
      (text) => text.length <= KNOWN_ISSUE_LIMITS.maxNoteChars,
      `must have at most ${KNOWN_ISSUE_LIMITS.maxNoteChars} UTF-16 units`,
    ),
});

/** An update that a device could not make. */
export interface FailedUpdate {
  readonly versionCode: number;
  readonly reason: string;
}

/** A note for the user of a device. */
export interface IssueNote {
  readonly versionCode: number;
  /** The reason that it is about; null for any. */
  readonly reason: string | null;
  readonly note: string;
}

type Act = { readonly viewer: Viewer; readonly origin: ActOrigin };

export type KnownIssues = ReturnType<typeof createKnownIssues>;

/** `storeChanged` is called after each change: the update check tells of notes, and calls `forget` of these in turn. */
export function createKnownIssues(deps: {
  readonly db: Pick<Database, 'prisma'>;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly storeChanged: () => void;
}) {
  const { db, work, clock, ids, storeChanged } = deps;
  const notes = createNotes(readNotes);

  /** Those of the newest versions, should there be very many. */
  async function readNotes(appId: string): Promise<StoredNote[]> {
    const found = await db.prisma.knownIssue.findMany({
      where: { version: { appId, publishedAt: { not: null } } },
      select: { reason: true, note: true, version: { select: { versionCode: true } } },
      orderBy: { version: { versionCode: 'desc' } },
      take: KNOWN_ISSUE_LIMITS.maxNotesRead,
    });
    return found.map(({ reason, note: text, version }) => ({ versionCode: version.versionCode, reason, note: text }));
  }

  return {
    /** To be called when the store changed: which notes devices are told may be others. */
    forget: notes.forget,

    /**
     * Writes the note on a version for one reason of failed updates, or for any; one that is there is replaced. For who may
     * publish it. Answers the id of the note. Throws NOT_FOUND, FORBIDDEN, VALIDATION, LIMIT_REACHED.
     */
    async note(
      { viewer, origin }: Act,
      given: { readonly versionId: string; readonly reason?: string | null | undefined; readonly note: string },
      key?: string | null,
    ): Promise<string> {
      const input = parseInput(noteSchema, { reason: given.reason, note: given.note });
      const reason = input.reason ?? ANY_REASON;
      const { versionId } = given;
      const write = { viewer, key, operation: 'noteKnownIssue', input: { ...input, versionId } };
      const id = await work(async (unit) => {
        const { id: written, repeated } = await once(unit, clock, write, async () => {
          const version = await loadFor(unit.tx, viewer, versionId, 'publish');
          const there = await unit.tx.knownIssue.findUnique({ where: { versionId_reason: { versionId, reason } } });
          if (there === null) {
            const count = await unit.tx.knownIssue.count({ where: { versionId } });
            if (count >= KNOWN_ISSUE_LIMITS.maxNotesPerVersion)
              throw new DomainError(
                'LIMIT_REACHED',
                `A version has at most ${KNOWN_ISSUE_LIMITS.maxNotesPerVersion} notes. Remove one first.`,
              );
          }
          const now = clock.now();
          const facts = { note: input.note, createdById: actorId(viewer), updatedAt: now };
          const saved = await unit.tx.knownIssue.upsert({
            where: { versionId_reason: { versionId, reason } },
            update: facts,
            create: { id: ids.next(), versionId, reason, createdAt: now, ...facts },
          });
          note(unit, version, 'version.note_issue', { viewer, origin }, { reason: input.reason, note: input.note });
          return saved.id;
        });
        if (repeated && (await unit.tx.knownIssue.count({ where: { id: written } })) === 0) throw notFound('The note');
        return written;
      });
      storeChanged();
      return id;
    },

    /** Removes a note; answers the id of its version. For who may publish it. Throws NOT_FOUND, FORBIDDEN. */
    async remove({ viewer, origin }: Act, knownIssueId: string): Promise<string> {
      const versionId = await work(async (unit) => {
        const issue = await unit.tx.knownIssue.findUnique({ where: { id: knownIssueId } });
        if (issue === null) throw notFound('The note');
        const version = await loadFor(unit.tx, viewer, issue.versionId, 'publish').catch((error: unknown) => {
          // To a stranger neither the version nor the note is there.
          throw error instanceof DomainError && error.code === 'NOT_FOUND' ? notFound('The note') : error;
        });
        await unit.tx.knownIssue.delete({ where: { id: issue.id } });
        const reason = issue.reason === ANY_REASON ? null : issue.reason;
        note(unit, version, 'version.remove_issue', { viewer, origin }, { reason, note: issue.note });
        return issue.versionId;
      });
      storeChanged();
      return versionId;
    },

    /**
     * What a device is told after updates of an app failed: for each version the note on that reason, else the one on any.
     * Only of versions that were published at some time. Looks at the first 20 different failures.
     */
    async forDevice(appId: string, failures: readonly FailedUpdate[]): Promise<IssueNote[]> {
      const asked = new Map(failures.map((one) => [`${one.versionCode} ${one.reason}`, one]));
      const looked = [...asked.values()].slice(0, KNOWN_ISSUE_LIMITS.maxFailuresPerAnswer);
      if (looked.length === 0) return [];
      const known = await notes.of(appId);
      if (known.size === 0) return [];
      const told = new Map<string, IssueNote>();
      for (const { versionCode, reason } of looked) {
        for (const about of [reason, ANY_REASON]) {
          const key = keyOf({ versionCode, reason: about });
          const text = known.get(key);
          if (text === undefined) continue;
          told.set(key, { versionCode, reason: about === ANY_REASON ? null : about, note: text });
          break;
        }
      }
      return [...told.values()];
    },
  };
}
