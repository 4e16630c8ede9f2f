/** Owns the gate: the job that turns a received upload into a draft, or into a refusal. It writes through the unit of work only. */

import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { CHECK_CATALOGUE } from '../../format/catalogue/checks.ts';
import { submissionFindings } from '../../format/context.ts';
import type { Finding } from '../../format/findings.ts';
import { SYSTEM_ACTOR } from '../audit/actor.ts';
import type { App, Upload } from '../generated/prisma/client.ts';
import type { ClaimedJob, JobContext } from '../jobs/types.ts';
import type { FolderBlobs } from '../platform/blobs/blobs.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { Log } from '../platform/log.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import type { CheckWorker } from '../validation/check-worker.ts';
import { isLastFailure } from '../validation/last-attempt.ts';
import type { Inspection } from '../validation/messages.ts';
import { draftKey } from './paths.ts';
import { refuseUpload } from './refusal.ts';
import type { Uploads } from './uploads.ts';

/** The context rules that stop an upload; the others stop a submission, where they can still be mended. */
const GATE_CODES = new Set(['MANIFEST_ID_MISMATCH', 'MANIFEST_VERSION_CODE_USED']);
const payloadSchema = z.object({ uploadId: z.string() });

interface GateOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly log: Log;
  readonly blobs: FolderBlobs;
  readonly worker: CheckWorker;
  readonly uploads: Uploads;
}

/** Makes what the `gate-upload` and `housekeeping` jobs call. */
export function createGate({ db, work, clock, log, blobs, worker, uploads }: GateOptions) {
  async function received(uploadId: string) {
    return db.prisma.upload.findFirst({ where: { id: uploadId, state: 'RECEIVED' }, include: { app: true } });
  }

  /** Reads the package and writes the verdict: a draft with its bytes stored, or a refusal. */
  async function judge(upload: Upload & { app: App }, context: JobContext): Promise<void> {
    const path = uploads.pathOf(upload.id);
    const inspection = await worker.inspect({ task: 'gate', path, signal: context.signal });
    const findings = [...inspection.findings, ...contextFindings(inspection, upload.app)];
    const accepted =
      inspection.manifest !== null &&
      inspection.sha256 === upload.sha256 &&
      findings.every((found) => found.severity !== 'error');
    if (accepted) await blobs.put(draftKey(upload.id), { path }, { sha256: upload.sha256 });
    await work(async (unit) => {
      await context.fence(unit.tx);
      if (accepted) await createDraft(unit, clock, upload, inspection);
      else await refuseUpload(unit, clock, upload, findings);
      await context.complete(unit.tx);
    });
  }

  return {
    /** Judges an upload; whatever fails on the last attempt refuses it, so that none waits for ever. */
    async handleJob(job: ClaimedJob, context: JobContext): Promise<void> {
      const { uploadId } = payloadSchema.parse(job.payload);
      const upload = await received(uploadId);
      if (upload === null) return;
      try {
        await judge(upload, context);
      } catch (error) {
        if (!isLastFailure(error, job, context)) throw error;
        log.error({ err: error, uploadId }, 'the gate broke on an upload; it is refused');
        await work(async (unit) => {
          await context.fence(unit.tx);
          await refuseUpload(unit, clock, upload, [brokenFinding()]);
          await context.complete(unit.tx);
        });
      }
      await rm(uploads.pathOf(uploadId), { force: true });
    },

    /** Refuses uploads whose job died without a word: lost with its process too often, or out of time. */
    async refuseAbandoned(): Promise<void> {
      const dead = await db.prisma.job.findMany({ where: { kind: 'gate-upload', state: 'DEAD' } });
      for (const { id, payload } of dead) {
        const upload = await received(payloadSchema.parse(payload).uploadId);
        if (upload === null) continue;
        log.error({ jobId: id, uploadId: upload.id }, 'the gate gave up on an upload; it is refused');
        await work(async (unit) => {
          // An operator may have had it tried again just now.
          if ((await unit.tx.job.count({ where: { id, state: 'DEAD' } })) === 1)
            await refuseUpload(unit, clock, upload, [brokenFinding()]);
        });
      }
    },
  };
}

/** Says nothing of what broke: that is the operator's, and in the log. */
function brokenFinding(): Finding {
  return {
    code: CHECK_CATALOGUE.CHECK_CRASHED.code,
    severity: 'error',
    message: 'The package could not be read to its end, in several tries.',
    help: 'Upload it again. If it is unusually large or nested, make it plainer; if it is not, tell the operator of this platform.',
  };
}

function contextFindings(inspection: Inspection, app: { packageId: string; highestCode: number }): Finding[] {
  if (inspection.manifest === null) return [];
  const facts = { packageId: app.packageId, highestVersionCode: app.highestCode, pinnedKeyIds: null };
  return submissionFindings(inspection.manifest, inspection.signature?.keyId ?? null, facts).filter((found) =>
    GATE_CODES.has(found.code),
  );
}

/** The version takes the upload's id, so that a repeated run after a crash makes the same one. */
async function createDraft(unit: Unit, clock: Clock, upload: Upload, inspection: Inspection): Promise<void> {
  const { manifest, signature, files } = inspection;
  if (manifest === null) throw new Error('a draft needs a manifest');
  const now = clock.now();
  const claimed = await unit.tx.upload.updateMany({
    where: { id: upload.id, state: 'RECEIVED' },
    data: { state: 'ACCEPTED', finishedAt: now },
  });
  if (claimed.count === 0) return;
  await unit.tx.appVersion.create({
    data: {
      id: upload.id,
      appId: upload.appId,
      versionCode: manifest.version_code,
      versionName: manifest.version,
      state: 'DRAFT',
      packageSize: inspection.size,
      packageSha256: upload.sha256,
      unpackedSize: files.reduce((sum, file) => sum + file.size, 0),
      manifest: JSON.parse(JSON.stringify(manifest)),
      permissions: [...manifest.permissions],
      minMosisVersion: manifest.min_mosis_version,
      signature: signature?.text ?? null,
      signerKeyId: signature?.keyId ?? null,
      signerPublicKey: signature?.publicKey ?? null,
      releaseNotes: upload.releaseNotes,
      reviewReasons: [],
      uploadedById: upload.developerId,
      createdAt: now,
      updatedAt: now,
    },
  });
  await unit.tx.versionFile.createMany({
    data: files.map((file) => ({ versionId: upload.id, path: file.path, size: file.size, sha256: file.sha256 })),
  });
  await unit.tx.upload.update({ where: { id: upload.id }, data: { versionId: upload.id } });
  unit.emit({
    type: 'UPLOADED',
    appId: upload.appId,
    versionId: upload.id,
    actorId: upload.developerId,
    payload: { uploadId: upload.id, size: inspection.size, sha256: upload.sha256, via: upload.via },
  });
  unit.audit({
    ...SYSTEM_ACTOR,
    action: 'version.create',
    resourceType: 'version',
    resourceId: upload.id,
    details: { versionCode: manifest.version_code },
  });
}
