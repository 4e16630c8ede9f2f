/** Owns the jobs that send mails: what each is about, that its reader may still know it, and when it is given up. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DomainError } from '../errors.ts';
import { parseCursor } from '../events/cursor.ts';
import type { Events } from '../events/service.ts';
import type { EventRecord } from '../events/types.ts';
import type { Developer, Webhook } from '../generated/prisma/client.ts';
import { type ClaimedJob, type JobContext, JobHopeless } from '../jobs/types.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import { type Mailer, MailRefused } from '../platform/mail/mail.ts';
import type { Unit } from '../unit-of-work.ts';
import { MAILED_ROLES } from './access.ts';
import { isMailed, mailChoices } from './event-kinds.ts';
import { disabledMail, eventMail, type MailSubject } from './mail-text.ts';

export const MAIL_KIND = 'send-mail';
/** Comments that come within this time are one mail. */
export const COMMENT_WAIT_MS = 3 * 60_000;
/** Comments shown in one mail. */
const MAX_COMMENTS = 10;
/** Mails to one account in an hour; what comes on top is in the timeline only. */
export const MAX_MAILS_AN_HOUR = 60;
const HOUR_MS = 3_600_000;
/** With the queue's longest wait of 15 minutes, some eight hours: a mail server may be down for a night. */
const MAIL_TRIES = 40;

const jobPayload = z.discriminatedUnion('about', [
  z.object({ about: z.literal('EVENT'), cursor: z.string(), developerId: z.string() }),
  z.object({ about: z.literal('WEBHOOK_DISABLED'), webhookId: z.string() }),
]);

interface MailsOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly events: Pick<Events, 'read' | 'head'>;
  readonly mailer: Mailer;
  readonly publicUrl: string;
}

export type Mails = ReturnType<typeof createMails>;

/** Who may be mailed about an event of the app; choices and acts are looked at one by one. */
export interface Recipient {
  readonly id: string;
  readonly mailEvents: unknown;
}

export function createMails({ db, clock, events, mailer, publicUrl }: MailsOptions) {
  /** Mails that are about to be written with a unit: they are not in the table yet. */
  const inUnits = new WeakMap<Unit, Map<string, number>>();

  function countIn(unit: Unit, developerId: string): void {
    const counts = inUnits.get(unit) ?? new Map<string, number>();
    inUnits.set(unit, counts.set(developerId, (counts.get(developerId) ?? 0) + 1));
  }

  /** Mails to the account in the last hour. */
  async function countRecent(unit: Unit, developerId: string): Promise<number> {
    const prefix = `mail:${developerId}:`;
    const written = await unit.tx.job.count({
      where: { key: { gte: prefix, lt: `${prefix}~` }, createdAt: { gt: new Date(clock.ms() - HOUR_MS) } },
    });
    return written + (inUnits.get(unit)?.get(developerId) ?? 0);
  }

  /** The event at the cursor, or null where its log was replaced: old news then. */
  async function eventAt(cursor: string): Promise<EventRecord | null> {
    const { epoch, n } = parseCursor(cursor);
    try {
      const page = await events.read({ after: `${epoch}.${n - 1n}`, limit: 1 });
      return page.events.find((event) => event.cursor === cursor) ?? null;
    } catch (error) {
      if (error instanceof DomainError && error.code === 'CURSOR_RESET') return null;
      throw error;
    }
  }

  /** What the mail tells, and to whom; null where there is nothing to tell any more. */
  async function subjectOf(
    event: EventRecord,
    developerId: string,
  ): Promise<{ to: Developer; about: MailSubject } | null> {
    const member = await db.prisma.appMember.findUnique({
      where: { appId_developerId: { appId: event.appId, developerId } },
      include: { developer: true, app: { select: { name: true, packageId: true } } },
    });
    if (member === null || !MAILED_ROLES.some((role) => role === member.role)) return null;
    const { developer, app } = member;
    if (developer.status !== 'ACTIVE' || !isMailed(event, mailChoices(developer.mailEvents))) return null;
    const version =
      event.versionId === null ? null : await db.prisma.appVersion.findUnique({ where: { id: event.versionId } });
    const comments = event.type === 'COMMENTED' ? await commentsSince(event) : [];
    return { to: developer, about: { app, version, comments } };
  }

  async function commentsSince({ versionId, at }: EventRecord): Promise<string[]> {
    const rows = await db.prisma.comment.findMany({
      where: { versionId: versionId ?? '', side: 'REVIEWER', createdAt: { gte: new Date(at.getTime() - 1_000) } },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      take: MAX_COMMENTS,
    });
    return rows.map(({ body }) => body);
  }

  async function send(
    id: string,
    to: Developer,
    text: ReturnType<typeof eventMail>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await mailer.send({ id, to: { name: to.name, address: to.email }, ...text }, signal);
    } catch (error) {
      if (error instanceof MailRefused) throw new JobHopeless(error.message, { cause: error });
      throw error;
    }
  }

  return {
    /** Has an event mailed to those of the members who chose it; nobody is told of their own acts. Comments wait for each other. */
    async enqueue(unit: Unit, event: EventRecord, members: readonly Recipient[]): Promise<void> {
      for (const { id: developerId, mailEvents } of members) {
        if (developerId === event.actorId || !isMailed(event, mailChoices(mailEvents))) continue;
        const key = await freeKey(unit, event, developerId, clock);
        if (key === null || (await countRecent(unit, developerId)) >= MAX_MAILS_AN_HOUR) continue;
        countIn(unit, developerId);
        unit.enqueue({
          kind: MAIL_KIND,
          key: key.text,
          payload: { about: 'EVENT', cursor: event.cursor, developerId },
          maxAttempts: MAIL_TRIES,
          ...(key.runAt === null ? {} : { runAt: key.runAt }),
        });
      }
    },

    /** Has the owner told that a webhook was disabled. */
    enqueueDisabled(unit: Unit, webhook: Pick<Webhook, 'id' | 'developerId'>): void {
      unit.enqueue({
        kind: MAIL_KIND,
        key: `mail:${webhook.developerId}:webhook:${webhook.id}:${clock.ms()}`,
        payload: { about: 'WEBHOOK_DISABLED', webhookId: webhook.id },
        maxAttempts: MAIL_TRIES,
      });
    },

    async handleJob(job: ClaimedJob, { signal }: JobContext): Promise<void> {
      const payload = jobPayload.parse(job.payload);
      // Of the job, so that a second try is the same mail; the key itself would tell strangers of our ids.
      const id = createHash('sha256').update(job.key).digest('hex').slice(0, 32);
      if (payload.about === 'EVENT') {
        const event = await eventAt(payload.cursor);
        const subject = event === null ? null : await subjectOf(event, payload.developerId);
        if (event === null || subject === null) return;
        return send(id, subject.to, eventMail(event, subject.about, publicUrl), signal);
      }
      const webhook = await db.prisma.webhook.findUnique({
        where: { id: payload.webhookId },
        include: { developer: true },
      });
      if (webhook === null || webhook.state !== 'DISABLED' || webhook.developer.status !== 'ACTIVE') return;
      await send(id, webhook.developer, disabledMail(webhook, publicUrl), signal);
    },
  };
}

/**
 * The job's key: of the event, or for comments of the version and the time, so that those that come together are one mail;
 * null where a mail that waits will tell of this comment too.
 */
async function freeKey(
  unit: Unit,
  event: EventRecord,
  developerId: string,
  clock: Clock,
): Promise<{ text: string; runAt: Date | null } | null> {
  const own = `mail:${developerId}:event:${event.cursor}`;
  if (event.type !== 'COMMENTED') return { text: own, runAt: null };
  const turn = Math.floor(clock.ms() / COMMENT_WAIT_MS);
  const runAt = new Date((turn + 1) * COMMENT_WAIT_MS);
  const shared = `mail:${developerId}:comments:${event.versionId ?? ''}:${turn}`;
  const waiting = await unit.tx.job.findUnique({ where: { key: shared }, select: { state: true, attempt: true } });
  if (waiting === null) return { text: shared, runAt };
  return waiting.state === 'READY' && waiting.attempt === 0 ? null : { text: own, runAt };
}
