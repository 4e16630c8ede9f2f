/** Owns how a version's owner puts it into the store and takes it out again. */
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole } from '../apps/access.ts';
import type { ActOrigin } from '../audit/actor.ts';
import { DomainError } from '../errors.ts';
import { once } from '../idempotency.ts';
import type { GivenPlan, RolloutPlan } from '../rollouts/inputs.ts';
import type { By } from '../rollouts/records.ts';
import type { Unit } from '../unit-of-work.ts';
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

/** Signs the platform's statement about published bytes. */
export interface StatementSigner {
  sign(statement: { packageId: string; versionCode: number; size: number; sha256: string }): string;
}

/** What becomes of a version's devices when it is published or taken out; the rollouts own that. */
export interface PublicationRollouts {
  plan(given: GivenPlan): RolloutPlan;
  openForPublication(unit: Unit, version: VersionWithApp, how: { plan: RolloutPlan; by: By }): Promise<void>;
  endForUnpublication(unit: Unit, versionId: string, by: By): Promise<void>;
}

interface PublicationOptions extends Pick<VersionWork, 'work' | 'clock' | 'storeChanged'> {
  readonly signer: StatementSigner;
  readonly rollouts: () => PublicationRollouts;
}

/** How a version is published: to whom (everybody on stable unless said otherwise), and under which key a repeat is known. */
export interface PublishOptions extends GivenPlan {
  readonly idempotencyKey?: string | null | undefined;
}

export function createPublication({ work, clock, signer, storeChanged, rollouts }: PublicationOptions) {
  /** Puts the version into the store, in whatever transaction: state, signature, deltas, event and audit row. */
  async function putInStore(
    unit: Unit,
    version: VersionWithApp,
    who: { viewer: Viewer; origin: ActOrigin },
    plan: RolloutPlan,
  ) {
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
    unit.enqueue({
      kind: 'make-deltas',
      key: `make-deltas:${version.id}:${clock.ms()}`,
      payload: { versionId: version.id },
    });
    const reach = { track: plan.track, percent: plan.basisPoints / 100 };
    tell(unit, version, 'PUBLISHED', { actorId: actorId(who.viewer), payload: reach });
    note(unit, version, 'version.publish', who, reach);
  }

  return {
    /**
     * Puts an approved or unpublished version into the store, with the platform's signature over its exact bytes, for the devices of
     * the plan. Throws APP_SUSPENDED, STATE_CONFLICT, VALIDATION and what `requireRole` throws.
     */
    async publish(viewer: Viewer, versionId: string, origin: ActOrigin, options: PublishOptions = {}): Promise<string> {
      const { idempotencyKey: key, track = null, percent = null, schedule = null } = options;
      const input = [versionId, track ?? 'STABLE', percent ?? 100, schedule ?? []];
      await work((unit) =>
        once(unit, clock, { viewer, key, operation: 'publishVersion', input }, async () => {
          const version = await loadFor(unit.tx, viewer, versionId, 'publish');
          if (version.app.status === 'SUSPENDED') {
            throw new DomainError(
              'APP_SUSPENDED',
              `The app is suspended: ${version.app.statusReason ?? 'no reason was given'}. Nothing can be published until it is reinstated.`,
            );
          }
          const plan = rollouts().plan({ track, percent, schedule });
          await putInStore(unit, version, { viewer, origin }, plan);
          await rollouts().openForPublication(unit, version, { plan, by: { kind: 'DEVELOPER', viewer, origin } });
          await refreshApp(unit.tx, clock, version.appId);
          return version.id;
        }),
      );
      storeChanged();
      return versionId;
    },

    /** Publishes a version that its owner had taken out, as part of an act that says itself who gets it. Throws STATE_CONFLICT. */
    async publishAgain(
      unit: Unit,
      versionId: string,
      who: { readonly viewer: Viewer; readonly origin: ActOrigin },
      plan: RolloutPlan,
    ): Promise<void> {
      await putInStore(unit, await loadFor(unit.tx, who.viewer, versionId, 'publish'), who, plan);
    },

    /** Takes a published version out of the store; it can be published again. */
    async unpublish(viewer: Viewer, versionId: string, origin: ActOrigin): Promise<string> {
      await work(async (unit) => {
        const version = await loadFor(unit.tx, viewer, versionId, 'unpublish');
        await moveVersion(unit.tx, clock, version, 'unpublish');
        await rollouts().endForUnpublication(unit, version.id, { kind: 'DEVELOPER', viewer, origin });
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
          await rollouts().endForUnpublication(unit, version.id, { kind: 'DEVELOPER', viewer, origin });
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
