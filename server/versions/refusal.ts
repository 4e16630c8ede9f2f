/** Owns what is left of a refused upload: its verdict on its own row and one event; no bytes, no version, no job. */
import type { Finding } from '../../format/findings.ts';
import { SYSTEM_ACTOR } from '../audit/actor.ts';
import type { Upload } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Unit } from '../unit-of-work.ts';
import { storedFinding } from '../validation/stored-finding.ts';

/** Findings kept on the row: enough to mend a package by, bounded. */
const MAX_KEPT = 200;

/** Marks the upload REFUSED, unless it has a verdict already. */
export async function refuseUpload(
  unit: Unit,
  clock: Clock,
  upload: Upload,
  findings: readonly Finding[],
): Promise<void> {
  const kept = findings.slice(0, MAX_KEPT).map(storedFinding);
  const refused = await unit.tx.upload.updateMany({
    where: { id: upload.id, state: { in: ['OPEN', 'RECEIVED'] } },
    data: { state: 'REFUSED', findings: kept, finishedAt: clock.now() },
  });
  if (refused.count === 0) return;
  unit.emit({
    type: 'UPLOAD_REFUSED',
    appId: upload.appId,
    actorId: upload.developerId,
    payload: {
      uploadId: upload.id,
      errors: findings.filter((found) => found.severity === 'error').length,
      codes: [...new Set(findings.map((found) => found.code))].slice(0, 20),
    },
  });
  unit.audit({ ...SYSTEM_ACTOR, action: 'upload.refuse', resourceType: 'upload', resourceId: upload.id });
}
