/**
 * Owns uploads from their start to RECEIVED: limits, tokens, the size and hash they must have. What is in the bytes is the
 * gate's business (gate.ts), for a screenshot apps/screenshots.ts's; how they travel is tus.ts's.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { CHECK_CATALOGUE } from '../../format/catalogue/checks.ts';
import { finding } from '../../format/findings.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { type AppDemand, requireRole } from '../apps/access.ts';
import { onlyText } from '../apps/inputs.ts';
import { requireScreenshotRoom, SCREENSHOT_DEMAND, SCREENSHOT_JOB } from '../apps/screenshots.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Upload } from '../generated/prisma/client.ts';
import { once } from '../idempotency.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import { type Ids, isId } from '../platform/ids.ts';
import type { Work } from '../unit-of-work.ts';
import { SCREENSHOT_LIMITS } from '../validation/image.ts';
import { MEMBER_ACTS } from './access.ts';
import { refuseUpload } from './refusal.ts';
import { createUploadFiles } from './upload-files.ts';

export const UPLOAD_STATES = ['OPEN', 'RECEIVED', 'ACCEPTED', 'REFUSED'] as const;
export type UploadState = (typeof UPLOAD_STATES)[number];
export const UPLOAD_KINDS = ['PACKAGE', 'SCREENSHOT'] as const;
export type UploadKind = (typeof UPLOAD_KINDS)[number];
export const UPLOAD_VIAS = ['PORTAL', 'CLI', 'API'] as const;
export type UploadVia = (typeof UPLOAD_VIAS)[number];

const MAX_OPEN_UPLOADS = 5;
const MAX_OPEN_BYTES = 250 * 1024 * 1024;
const TOKEN_MS = 60 * 60 * 1000;
const UPLOAD_MS = 24 * 60 * 60 * 1000;
const TOKEN_BYTES = 32;

export interface StartUploadInput {
  readonly appId: string;
  readonly kind: UploadKind;
  readonly size: number;
  readonly sha256: string;
  /** Of a package; a screenshot has none. */
  readonly releaseNotes: string;
  readonly via: UploadVia;
}

/** An upload and the bearer token its bytes travel with; the token is told once and only its hash is kept. */
export interface StartedUpload {
  readonly upload: Upload;
  readonly token: string;
}

interface UploadsOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Folder of bytes under way. */
  readonly folder: string;
  readonly maxPackageBytes: number;
}

export type Uploads = ReturnType<typeof createUploads>;

export function createUploads({ db, work, clock, ids, folder, maxPackageBytes }: UploadsOptions) {
  const finishing = new Map<string, Promise<void>>();
  const files = createUploadFiles(folder);

  /** An upload that the viewer started and may still send. */
  async function own(tx: Tx, viewer: Viewer, uploadId: string): Promise<Upload> {
    const found = await tx.upload.findUnique({
      where: { id: uploadId },
      include: { app: { include: { members: true } } },
    });
    const { developerId } = requireRole(viewer, found?.app ?? null, demandOf(found?.kind));
    if (found === null || found.developerId !== developerId) throw notFound('The upload');
    const { app: _, ...upload } = found;
    return upload;
  }

  async function newToken(tx: Tx, uploadId: string): Promise<StartedUpload> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const tokenExpiresAt = new Date(clock.ms() + TOKEN_MS);
    const upload = await tx.upload.update({
      where: { id: uploadId },
      data: { tokenHash: hashToken(token), tokenExpiresAt },
    });
    return { upload, token };
  }

  /** Throws UPLOAD_LIMIT where the account has too much under way for so many bytes more. */
  async function requireRoom(tx: Tx, developerId: string, size: number): Promise<void> {
    const open = await tx.upload.findMany({
      where: { developerId, state: { in: ['OPEN', 'RECEIVED'] }, expiresAt: { gt: clock.now() } },
      select: { size: true },
    });
    const bytes = open.reduce((sum, each) => sum + each.size, size);
    if (open.length >= MAX_OPEN_UPLOADS || bytes > MAX_OPEN_BYTES) {
      throw new DomainError(
        'UPLOAD_LIMIT',
        `An account has at most ${MAX_OPEN_UPLOADS} unfinished uploads and ${MAX_OPEN_BYTES / 1024 / 1024} MiB of them; you have ${open.length}. Finish one, or wait until it expires.`,
      );
    }
  }

  async function insert(
    tx: Tx,
    developerId: string,
    { appId, kind, size, sha256, releaseNotes, via }: StartUploadInput,
    { id, token }: { id: string; token: string },
  ): Promise<void> {
    const now = clock.now();
    await tx.upload.create({
      data: {
        id,
        developerId,
        appId,
        kind,
        size,
        sha256,
        tokenHash: hashToken(token),
        tokenExpiresAt: new Date(now.getTime() + TOKEN_MS),
        findings: [],
        releaseNotes,
        via,
        createdAt: now,
        expiresAt: new Date(now.getTime() + UPLOAD_MS),
      },
    });
  }

  async function finishOnce(id: string): Promise<void> {
    const upload = await db.prisma.upload.findUnique({ where: { id } });
    if (upload === null || upload.state !== 'OPEN') return;
    const size = await files.sizeOf(id);
    if (size < upload.size) return;
    const hash = size === upload.size ? await files.sha256Of(id) : 'longer than announced';
    if (hash !== upload.sha256) {
      await files.remove(id);
      await work((unit) =>
        refuseUpload(unit, clock, upload, [
          finding(CHECK_CATALOGUE.UPLOAD_HASH_MISMATCH, 'The bytes that arrived do not have the announced SHA-256.'),
        ]),
      );
      throw new DomainError(
        'UPLOAD_HASH_MISMATCH',
        'The bytes that arrived do not have the announced SHA-256. They were deleted; start a new upload.',
      );
    }
    await files.sync(id);
    await work(async (unit) => {
      const received = await unit.tx.upload.updateMany({ where: { id, state: 'OPEN' }, data: { state: 'RECEIVED' } });
      if (received.count === 0) return;
      const job =
        upload.kind === 'SCREENSHOT'
          ? { kind: SCREENSHOT_JOB, key: `screenshot:${id}` }
          : { kind: 'gate-upload', key: `gate:${id}` };
      unit.enqueue({ ...job, payload: { uploadId: id }, maxAttempts: 3 });
    });
  }

  const service = {
    pathOf: files.pathOf,

    /** Opens an upload for the app. Throws UPLOAD_TOO_LARGE, UPLOAD_LIMIT, LIMIT_REACHED or what `requireRole` throws. */
    async start(
      viewer: Viewer,
      input: StartUploadInput,
      origin: ActOrigin,
      key?: string | null,
    ): Promise<StartedUpload> {
      const given = { ...input, releaseNotes: onlyText(input.releaseNotes, 'input.releaseNotes', 4000) };
      requireSize(input, maxPackageBytes);
      const token = randomBytes(TOKEN_BYTES).toString('base64url');
      const id = ids.next();
      // The empty file comes first: a row without one could never be filled.
      await files.create(id);
      try {
        const made = await work((unit) =>
          once(unit, clock, { viewer, key, operation: 'startUpload', input }, async () => {
            const app = await unit.tx.app.findUnique({ where: { id: input.appId }, include: { members: true } });
            const { developerId } = requireRole(viewer, app, demandOf(input.kind));
            if (input.kind === 'SCREENSHOT') await requireScreenshotRoom(unit.tx, input.appId);
            await requireRoom(unit.tx, developerId, input.size);
            await insert(unit.tx, developerId, given, { id, token });
            const details = { appId: input.appId, kind: input.kind, size: input.size };
            const about = { resourceType: 'upload', resourceId: id, details } as const;
            unit.audit({ ...actorOf(viewer, origin), action: 'upload.create', ...about });
            return id;
          }),
        );
        if (!made.repeated) return { upload: await db.prisma.upload.findUniqueOrThrow({ where: { id } }), token };
        // The first answer's token is not kept, so a repeat gets a new one for the same upload, whatever became of it.
        await files.remove(id);
        return await work(async (unit) => {
          await own(unit.tx, viewer, made.id);
          return newToken(unit.tx, made.id);
        });
      } catch (error) {
        await files.remove(id);
        throw error;
      }
    },

    /** A new token for an upload of the viewer's that still lives; the old one ends. */
    async renew(viewer: Viewer, uploadId: string): Promise<StartedUpload> {
      return work(async (unit) => {
        const upload = await own(unit.tx, viewer, uploadId);
        if (upload.expiresAt <= clock.now())
          throw new DomainError('UPLOAD_EXPIRED', 'The upload has expired. Start a new one.');
        if (upload.state !== 'OPEN')
          throw new DomainError('STATE_CONFLICT', `The upload is ${upload.state}; only an OPEN one takes bytes.`, {
            currentState: upload.state,
          });
        return newToken(unit.tx, uploadId);
      });
    },

    /** The upload that the token opens. Somebody else's is NOT_FOUND, as one that never was. */
    async authorise(uploadId: string, token: string | null): Promise<Upload> {
      const upload = isId(uploadId)
        ? await db.prisma.upload.findUnique({
            where: { id: uploadId },
            include: { developer: { select: { status: true } } },
          })
        : null;
      const given = Buffer.from(hashToken(token ?? ''));
      if (upload === null || token === null || !timingSafeEqual(given, Buffer.from(upload.tokenHash)))
        throw notFound('The upload');
      const now = clock.now();
      if (upload.expiresAt <= now) throw new DomainError('UPLOAD_EXPIRED', 'The upload has expired. Start a new one.');
      if (upload.tokenExpiresAt <= now)
        throw new DomainError('UNAUTHENTICATED', 'The upload token has expired. Renew it with `renewUpload`.');
      if (upload.developer.status !== 'ACTIVE')
        throw new DomainError('ACCOUNT_SUSPENDED', 'The account of this upload is suspended and can send nothing.');
      return upload;
    },

    /** The announced size of an upload, or null for no such upload. */
    async sizeOf(uploadId: string): Promise<{ size: number } | null> {
      const upload = isId(uploadId)
        ? await db.prisma.upload.findUnique({ where: { id: uploadId }, select: { size: true } })
        : null;
      return upload;
    },

    /** Hashes a full upload and hands it to the gate; one run at a time, a repeat does nothing. Throws UPLOAD_HASH_MISMATCH. */
    finish(id: string): Promise<void> {
      const known = finishing.get(id);
      if (known !== undefined) return known;
      const run = finishOnce(id).finally(() => finishing.delete(id));
      finishing.set(id, run);
      return run;
    },

    /** At start: makes the folder, finishes full uploads whose last answer was lost, and removes files of no upload. */
    async recover(): Promise<void> {
      await files.prepare();
      const open = await db.prisma.upload.findMany({ where: { state: 'OPEN' }, select: { id: true } });
      for (const { id } of open) await service.finish(id).catch(() => undefined);
      await service.sweep();
    },

    /** Deletes expired uploads and files that no living upload owns. */
    async sweep(): Promise<void> {
      const now = clock.now();
      await work(async (unit) => {
        await unit.tx.upload.deleteMany({
          where: { expiresAt: { lte: now }, state: { in: ['OPEN', 'REFUSED', 'ACCEPTED'] } },
        });
      });
      const living = await db.prisma.upload.findMany({
        where: { state: { in: ['OPEN', 'RECEIVED'] } },
        select: { id: true },
      });
      await files.sweep(new Set(living.map(({ id }) => id)), clock.ms());
    },
  };
  return service;
}

/** What is stored of a token. */
function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** A screenshot is part of the listing, a package of a version. */
function demandOf(kind: string | undefined): AppDemand {
  return kind === 'SCREENSHOT' ? SCREENSHOT_DEMAND : MEMBER_ACTS.submit;
}

/** Throws UPLOAD_TOO_LARGE or VALIDATION. */
function requireSize({ kind, size }: Pick<StartUploadInput, 'kind' | 'size'>, maxPackageBytes: number): void {
  const [what, most] =
    kind === 'SCREENSHOT' ? ['screenshot', SCREENSHOT_LIMITS.maxBytes] : ['package', maxPackageBytes];
  if (size > most) {
    throw new DomainError(
      'UPLOAD_TOO_LARGE',
      `The ${what} has ${size} bytes; this server takes at most ${most}. Make it smaller.`,
    );
  }
  if (size < 1) {
    const fields = [{ path: 'input.size', message: 'must be at least 1' }];
    throw new DomainError('VALIDATION', 'input.size must be at least 1.', { fields });
  }
}
