/** Owns the gate: the job that turns a received upload into a draft, or into a refusal. It writes through the unit of work only. */

import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { submissionFindings } from '../../format/context.ts';
import type { Finding } from '../../format/findings.ts';
import { SYSTEM_ACTOR } from '../audit/actor.ts';
import type { Upload } from '../generated/prisma/client.ts';
import type { ClaimedJob, JobContext } from '../jobs/types.ts';
import type { FolderBlobs } from '../platform/blobs/blobs.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { CHECK_CATALOGUE } from '../validation/catalogue.ts';
import { type CheckWorker, InspectionBroken } from '../validation/check-worker.ts';
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
  readonly blobs: FolderBlobs;
  readonly worker: CheckWorker;
  readonly uploads: Uploads;
}

/** Makes the handler of `gate-upload` jobs. */
export function createGate({ db, work, clock, blobs, worker, uploads }: GateOptions) {
  return async (job: ClaimedJob, context: JobContext): Promise<void> => {
    const { uploadId } = payloadSchema.parse(job.payload);
    const upload = await db.prisma.upload.findUnique({ where: { id: uploadId }, include: { app: true } });
    if (upload === null || upload.state !== 'RECEIVED') return;
    const path = uploads.pathOf(uploadId);
    const verdict = await inspect(path, job, context);
    const findings = [...verdict.findings, ...contextFindings(verdict.inspection, upload.app)];
    const { inspection } = verdict;
    const accepted =
      inspection?.manifest != null &&
      inspection.sha256 === upload.sha256 &&
      findings.every((found) => found.severity !== 'error');
    if (!accepted) {
      await work(async (unit) => {
        await context.fence(unit.tx);
        await refuseUpload(unit, clock, upload, findings);
        await context.complete(unit.tx);
      });
    } else {
      await blobs.put(draftKey(uploadId), { path }, { sha256: upload.sha256 });
      await work(async (unit) => {
        await context.fence(unit.tx);
        await createDraft(unit, clock, upload, inspection);
        await context.complete(unit.tx);
      });
    }
    await rm(path, { force: true });
  };

  async function inspect(
    path: string,
    job: ClaimedJob,
    context: JobContext,
  ): Promise<{ inspection: Inspection | null; findings: readonly Finding[] }> {
    try {
      const inspection = await worker.inspect({ task: 'gate', path, signal: context.signal });
      return { inspection, findings: inspection.findings };
    } catch (error) {
      if (!(error instanceof InspectionBroken) || context.attempt < job.maxAttempts) throw error;
      const { code, fix } = CHECK_CATALOGUE.CHECK_CRASHED;
      return {
        inspection: null,
        findings: [
          {
            code,
            severity: 'error',
            message: `The package could not be read to its end: ${error.message}.`,
            help: fix,
          },
        ],
      };
    }
  }
}

function contextFindings(inspection: Inspection | null, app: { packageId: string; highestCode: number }): Finding[] {
  if (inspection?.manifest == null) return [];
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
