/**
 * Owns the screenshots of apps: the only writer of their rows and of their bytes in the blob store. What a picture must be is
 * validation/image.ts's; how its bytes arrive is versions/uploads.ts's.
 */
import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { CHECK_CATALOGUE } from '../../format/catalogue/checks.ts';
import { SCREENSHOT_CATALOGUE } from '../../format/catalogue/screenshots.ts';
import { type Finding, finding } from '../../format/findings.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { type ActOrigin, actorOf, SYSTEM_ACTOR } from '../audit/actor.ts';
import { DomainError, invalidField, notFound } from '../errors.ts';
import type { Upload } from '../generated/prisma/client.ts';
import type { ClaimedJob, JobContext } from '../jobs/types.ts';
import type { FolderBlobs } from '../platform/blobs/blobs.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import { createTurns } from '../platform/turns.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import type { CheckWorker } from '../validation/check-worker.ts';
import { isLastFailure } from '../validation/last-attempt.ts';
import type { ShownImage } from '../validation/messages.ts';
import { refuseUpload } from '../versions/refusal.ts';
import { type AppDemand, requireRole } from './access.ts';
import { parseScreenshotKey, SCREENSHOTS_PREFIX, screenshotKey } from './screenshot-paths.ts';

/** The kind of the job that turns a received upload into a screenshot, or refuses it. */
export const SCREENSHOT_JOB = 'accept-screenshot';
/** Screenshots are part of the listing. */
export const SCREENSHOT_DEMAND: AppDemand = { role: 'MAINTAINER', scope: 'apps:write' };
export const MAX_SCREENSHOTS = 8;

/** The row of a file this young may not be written yet. */
const MIN_AGE_MS = 10 * 60_000;
const payloadSchema = z.object({ uploadId: z.string() });

interface ScreenshotsOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly blobs: FolderBlobs;
  readonly worker: Pick<CheckWorker, 'readImage'>;
  /** Where the bytes of an upload lie. */
  readonly uploadPath: (uploadId: string) => string;
  /** Called after a change that the public store shows. */
  readonly storeChanged: () => void;
}

export type Screenshots = ReturnType<typeof createScreenshots>;

/** Throws LIMIT_REACHED where the app can take no further screenshot. */
export async function requireScreenshotRoom(tx: Tx, appId: string): Promise<void> {
  if ((await tx.screenshot.count({ where: { appId } })) < MAX_SCREENSHOTS) return;
  throw new DomainError('LIMIT_REACHED', `An app has at most ${MAX_SCREENSHOTS} screenshots. Delete one first.`);
}

export function createScreenshots(options: ScreenshotsOptions) {
  const { db, work, clock, ids, log, blobs, worker, uploadPath, storeChanged } = options;
  // Keeps a deletion and the sweep from removing bytes that another upload of the same picture has just found to be there.
  const inTurn = createTurns();

  /** Removes the bytes if no row names them; in the turn of their key. */
  async function removeUnowned(key: string, appId: string, sha256: string): Promise<void> {
    if ((await db.prisma.screenshot.count({ where: { appId, sha256 } })) === 0) await blobs.delete(key);
  }

  async function received(uploadId: string): Promise<Upload | null> {
    return db.prisma.upload.findFirst({ where: { id: uploadId, state: 'RECEIVED', kind: 'SCREENSHOT' } });
  }

  /** The app's screenshot with these bytes: the one it has, or a new last one; null where it has its most. */
  async function ownRow(unit: Unit, appId: string, image: ShownImage): Promise<string | null> {
    const { sha256, width, height } = image;
    const known = await unit.tx.screenshot.findUnique({ where: { appId_sha256: { appId, sha256 } } });
    if (known !== null) return known.id;
    const all = await unit.tx.screenshot.aggregate({ where: { appId }, _count: true, _max: { position: true } });
    if (all._count >= MAX_SCREENSHOTS) return null;
    const id = ids.next();
    const position = (all._max.position ?? -1) + 1;
    const size = image.bytes.length;
    await unit.tx.screenshot.create({
      data: { id, appId, position, sha256, size, width, height, createdAt: clock.now() },
    });
    const about = { resourceType: 'app', resourceId: appId, details: { screenshotId: id, sha256 } } as const;
    unit.audit({ ...SYSTEM_ACTOR, action: 'app.add_screenshot', ...about });
    unit.afterCommit(storeChanged);
    return id;
  }

  /** Stores the picture, then its row with the upload's verdict in one transaction. */
  async function accept(upload: Upload, image: ShownImage, context: JobContext): Promise<void> {
    const key = screenshotKey(upload.appId, image.sha256);
    await inTurn(key, async () => {
      await blobs.put(key, image.bytes, { sha256: image.sha256 });
      await work(async (unit) => {
        await context.fence(unit.tx);
        const screenshotId = await ownRow(unit, upload.appId, image);
        if (screenshotId === null) await refuseUpload(unit, clock, upload, [limitFinding()]);
        else
          await unit.tx.upload.updateMany({
            where: { id: upload.id, state: 'RECEIVED' },
            data: { state: 'ACCEPTED', screenshotId, finishedAt: clock.now() },
          });
        await context.complete(unit.tx);
      });
      await removeUnowned(key, upload.appId, image.sha256);
    });
  }

  async function refuse(upload: Upload, findings: readonly Finding[], context: JobContext): Promise<void> {
    await work(async (unit) => {
      await context.fence(unit.tx);
      await refuseUpload(unit, clock, upload, findings);
      await context.complete(unit.tx);
    });
  }

  return {
    /** Makes a screenshot of an upload; whatever fails on the last attempt refuses it, so that none waits for ever. */
    async handleJob(job: ClaimedJob, context: JobContext): Promise<void> {
      const { uploadId } = payloadSchema.parse(job.payload);
      const upload = await received(uploadId);
      if (upload !== null) {
        try {
          const { image, findings } = await worker.readImage({ path: uploadPath(uploadId), signal: context.signal });
          if (image === null) await refuse(upload, findings, context);
          else await accept(upload, image, context);
        } catch (error) {
          if (!isLastFailure(error, job, context)) throw error;
          log.error({ err: error, uploadId }, 'a screenshot could not be read; it is refused');
          await refuse(upload, [brokenFinding()], context);
        }
      }
      await rm(uploadPath(uploadId), { force: true });
    },

    /** Refuses screenshots whose job died without a word: lost with its process too often, or out of time. */
    async refuseAbandoned(): Promise<void> {
      const dead = await db.prisma.job.findMany({ where: { kind: SCREENSHOT_JOB, state: 'DEAD' } });
      for (const { id, payload } of dead) {
        const upload = await received(payloadSchema.parse(payload).uploadId);
        if (upload === null) continue;
        await work(async (unit) => {
          // An operator may have had it tried again just now.
          if ((await unit.tx.job.count({ where: { id, state: 'DEAD' } })) === 1)
            await refuseUpload(unit, clock, upload, [brokenFinding()]);
        });
      }
    },

    /** Puts the app's screenshots in this order; each must be named once. Throws VALIDATION. */
    async order(viewer: Viewer, appId: string, wanted: readonly string[], origin: ActOrigin): Promise<void> {
      await work(async (unit) => {
        const app = await unit.tx.app.findUnique({ where: { id: appId }, include: { members: true } });
        requireRole(viewer, app, SCREENSHOT_DEMAND);
        const rows = await unit.tx.screenshot.findMany({ where: { appId }, orderBy: ORDER });
        const known = new Set(rows.map(({ id }) => id));
        if (
          wanted.length !== rows.length ||
          new Set(wanted).size !== rows.length ||
          !wanted.every((id) => known.has(id))
        )
          throw invalidField('input.screenshotIds', `must name each of the app's ${rows.length} screenshots once`);
        // The same order again changes nothing.
        if (rows.every(({ id }, index) => id === wanted[index])) return;
        for (const [position, id] of wanted.entries()) {
          await unit.tx.screenshot.update({ where: { id }, data: { position } });
        }
        const about = { resourceType: 'app' as const, resourceId: appId, details: { screenshotIds: [...wanted] } };
        unit.audit({ ...actorOf(viewer, origin), action: 'app.order_screenshots', ...about });
        unit.afterCommit(storeChanged);
      });
    },

    /** Deletes a screenshot and its bytes; answers the app's id. */
    async delete(viewer: Viewer, screenshotId: string, origin: ActOrigin): Promise<string> {
      const { appId, sha256 } = await work(async (unit) => {
        const found = await unit.tx.screenshot.findUnique({
          where: { id: screenshotId },
          include: { app: { include: { members: true } } },
        });
        if (found === null) throw notFound('The screenshot');
        requireRole(viewer, found.app, SCREENSHOT_DEMAND);
        await unit.tx.screenshot.delete({ where: { id: screenshotId } });
        const about = {
          resourceType: 'app' as const,
          resourceId: found.appId,
          details: { screenshotId, sha256: found.sha256 },
        };
        unit.audit({ ...actorOf(viewer, origin), action: 'app.delete_screenshot', ...about });
        unit.afterCommit(storeChanged);
        return found;
      });
      const key = screenshotKey(appId, sha256);
      // What is left here by a process that dies is swept.
      await inTurn(key, () => removeUnowned(key, appId, sha256));
      return appId;
    },

    /** Removes old bytes that no row names: of deleted apps, and of screenshots whose deletion was cut off. */
    async sweep(): Promise<void> {
      for await (const key of blobs.list(SCREENSHOTS_PREFIX)) {
        const named = parseScreenshotKey(key);
        const stat = named === null ? null : await blobs.stat(key);
        if (named === null || stat === null || clock.ms() - stat.modifiedAt.getTime() < MIN_AGE_MS) continue;
        await inTurn(key, () => removeUnowned(key, named.appId, named.sha256)).catch((error: unknown) =>
          log.error({ err: error, key }, 'a stored screenshot was not swept'),
        );
      }
    },
  };
}

/** The store's order. */
export const ORDER = [{ position: 'asc' as const }, { id: 'asc' as const }];

function limitFinding(): Finding {
  const message = `The app has ${MAX_SCREENSHOTS} screenshots, the most it may have.`;
  return finding(SCREENSHOT_CATALOGUE.SCREENSHOT_LIMIT, message);
}

/** Says nothing of what broke: that is the operator's, and in the log. */
function brokenFinding(): Finding {
  return {
    code: CHECK_CATALOGUE.CHECK_CRASHED.code,
    severity: 'error',
    message: 'The image could not be read to its end, in several tries.',
    help: 'Upload it again, saved anew. If that does not help, tell the operator of this platform.',
  };
}
