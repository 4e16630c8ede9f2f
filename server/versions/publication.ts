/** Owns how a version's owner puts it into the store and takes it out again. */
import { randomBytes } from 'node:crypto';
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole } from '../apps/access.ts';
import type { ActOrigin } from '../audit/actor.ts';
import { DomainError } from '../errors.ts';
import { once } from '../idempotency.ts';
import type { Tx } from '../platform/db/database.ts';
import { MEMBER_ACTS } from './access.ts';
import { metadataBinOf } from './metadata-bins.ts';
import {
  actorId,
  loadFor,
  note,
  refreshApp,
  tell,
  type VersionWithApp,
  type VersionWork,
  WITH_APP,
} from './records.ts';
import { moveVersion } from './transition.ts';

const SEED_BYTES = 32;

/** Signs the platform's statement about published bytes. */
export interface StatementSigner {
  sign(statement: { packageId: string; versionCode: number; size: number; sha256: string }): string;
}

interface PublicationOptions extends Pick<VersionWork, 'work' | 'clock' | 'storeChanged'> {
  readonly signer: StatementSigner;
}

export function createPublication({ work, clock, signer, storeChanged }: PublicationOptions) {
  return {
    /** Puts an approved or unpublished version into the store, with the platform's signature over its exact bytes. */
    async publish(viewer: Viewer, versionId: string, origin: ActOrigin, key?: string | null): Promise<string> {
      await work((unit) =>
        once(unit, clock, { viewer, key, operation: 'publishVersion', input: versionId }, async () => {
          const version = await loadFor(unit.tx, viewer, versionId, 'publish');
          if (version.app.status === 'SUSPENDED') {
            throw new DomainError(
              'APP_SUSPENDED',
              `The app is suspended: ${version.app.statusReason ?? 'no reason was given'}. Nothing can be published until it is reinstated.`,
            );
          }
          const statement = {
            packageId: version.app.packageId,
            versionCode: version.versionCode,
            size: version.packageSize,
            sha256: version.packageSha256,
          };
          await moveVersion(unit.tx, clock, version, 'publish', {
            publishedAt: clock.now(),
            platformSignature: version.platformSignature ?? signer.sign(statement),
            metadataBin: metadataBinOf(version.app.packageId, version.versionCode),
          });
          await openRollout(unit.tx, version, clock.now());
          unit.enqueue({
            kind: 'make-deltas',
            key: `make-deltas:${version.id}:${clock.ms()}`,
            payload: { versionId: version.id },
          });
          await refreshApp(unit.tx, clock, version.appId);
          tell(unit, version, 'PUBLISHED', { actorId: actorId(viewer) });
          note(unit, version, 'version.publish', { viewer, origin });
          return version.id;
        }),
      );
      storeChanged();
      return versionId;
    },

    /** Takes a published version out of the store; it can be published again. */
    async unpublish(viewer: Viewer, versionId: string, origin: ActOrigin): Promise<string> {
      await work(async (unit) => {
        const version = await loadFor(unit.tx, viewer, versionId, 'unpublish');
        await moveVersion(unit.tx, clock, version, 'unpublish');
        await refreshApp(unit.tx, clock, version.appId);
        tell(unit, version, 'UNPUBLISHED', { actorId: actorId(viewer) });
        note(unit, version, 'version.unpublish', { viewer, origin });
      });
      storeChanged();
      return versionId;
    },

    /** Takes every published version of an app out of the store. Throws STATE_CONFLICT when none is published. */
    async unpublishAll(viewer: Viewer, appId: string, origin: ActOrigin): Promise<string> {
      await work(async (unit) => {
        const app = await unit.tx.app.findUnique({ where: { id: appId }, include: { members: true } });
        requireRole(viewer, app, MEMBER_ACTS.unpublish);
        const versions = await unit.tx.appVersion.findMany({ where: { appId, state: 'PUBLISHED' }, include: WITH_APP });
        if (versions.length === 0) {
          throw new DomainError('STATE_CONFLICT', 'No version of the app is published.', {
            ...(app === null ? {} : { currentState: app.status }),
          });
        }
        for (const version of versions) {
          await moveVersion(unit.tx, clock, version, 'unpublish');
          tell(unit, version, 'UNPUBLISHED', { actorId: actorId(viewer) });
          note(unit, version, 'version.unpublish', { viewer, origin });
        }
        await refreshApp(unit.tx, clock, appId);
      });
      storeChanged();
      return appId;
    },
  };
}

/** A version is offered to every device at once; its seed stays the same for ever. */
async function openRollout(tx: Tx, version: VersionWithApp, now: Date): Promise<void> {
  const facts = { basisPoints: 10_000, state: 'COMPLETE', updatedAt: now, finishedAt: now };
  await tx.rollout.upsert({
    where: { versionId_track: { versionId: version.id, track: 'STABLE' } },
    update: facts,
    create: {
      id: version.id,
      appId: version.appId,
      versionId: version.id,
      track: 'STABLE',
      seed: randomBytes(SEED_BYTES).toString('hex'),
      schedule: [],
      startedAt: now,
      ...facts,
    },
  });
}
