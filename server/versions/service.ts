/**
 * Owns versions: the only writer of their rows and of the store columns of their app. Decisions of reviewers and checks
 * come through `move`; who asked for them is checked by the features that call it.
 */
import { requireAdmin, requireReviewer } from '../accounts/access.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole } from '../apps/access.ts';
import { onlyText } from '../apps/inputs.ts';
import type { AuditAction } from '../audit/actions.ts';
import { type ActOrigin, actorOf, SYSTEM_ACTOR } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { once } from '../idempotency.ts';
import type { Clock } from '../platform/clock.ts';
import type { Tx } from '../platform/db/database.ts';
import { isUniqueViolation } from '../platform/db/errors.ts';
import type { JsonObject } from '../platform/json.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { checkJobKey } from '../validation/job-payload.ts';
import { MEMBER_ACTS, type MemberAct } from './access.ts';
import { nextState, parseState, type VersionAct } from './states.ts';
import type { StoredPackages } from './stored-packages.ts';
import { moveVersion, type StateExtras, stateConflict } from './transition.ts';

/** Signs the platform's statement about published bytes. */
export interface StatementSigner {
  sign(statement: { packageId: string; versionCode: number; size: number; sha256: string }): string;
}

interface VersionsOptions {
  readonly work: Work;
  readonly clock: Clock;
  readonly packages: StoredPackages;
  readonly signer: StatementSigner;
  /** Ends the open reviews of a version that leaves the queue, in the same transaction. */
  readonly cancelReviews: (unit: Unit, versionId: string) => Promise<void>;
  readonly storeChanged: () => void;
}

const WITH_APP = { app: { include: { members: { select: { developerId: true, role: true } } } } } as const;
export type VersionWithApp = Prisma.AppVersionGetPayload<{ include: typeof WITH_APP }>;

export type Versions = ReturnType<typeof createVersions>;

export function createVersions({ work, clock, packages, signer, cancelReviews, storeChanged }: VersionsOptions) {
  /** The version with its app and members, or NOT_FOUND. */
  async function load(tx: Tx, versionId: string): Promise<VersionWithApp> {
    const version = await tx.appVersion.findUnique({ where: { id: versionId }, include: WITH_APP });
    if (version === null) throw notFound('The version');
    return version;
  }

  async function loadFor(tx: Tx, viewer: Viewer, versionId: string, act: MemberAct): Promise<VersionWithApp> {
    const version = await tx.appVersion.findUnique({ where: { id: versionId }, include: WITH_APP });
    if (version === null) {
      requireRole(viewer, null, MEMBER_ACTS[act]);
      throw notFound('The version');
    }
    requireRole(viewer, version.app, MEMBER_ACTS[act]);
    return version;
  }

  /** Puts the app's store columns right after any of its versions was published or left the store. */
  async function refreshApp(tx: Tx, appId: string): Promise<void> {
    const app = await tx.app.findUniqueOrThrow({ where: { id: appId } });
    const newest = await tx.appVersion.findFirst({
      where: { appId, state: 'PUBLISHED' },
      orderBy: { versionCode: 'desc' },
    });
    const status = newest !== null ? 'PUBLISHED' : app.firstPublishedAt === null ? 'DRAFT' : 'UNPUBLISHED';
    await tx.app.update({
      where: { id: appId },
      data: {
        latestVersionId: newest?.id ?? null,
        lastPublishedAt: newest?.publishedAt ?? app.lastPublishedAt,
        firstPublishedAt: app.firstPublishedAt ?? newest?.publishedAt ?? null,
        status: app.status === 'SUSPENDED' ? 'SUSPENDED' : status,
        updatedAt: clock.now(),
      },
    });
  }

  function tell(
    unit: Unit,
    version: VersionWithApp,
    type: Parameters<Unit['emit']>[0]['type'],
    more: { actorId: string | null; payload?: JsonObject },
  ) {
    unit.emit({
      type,
      appId: version.appId,
      versionId: version.id,
      actorId: more.actorId,
      payload: more.payload ?? {},
    });
  }

  function note(
    unit: Unit,
    version: VersionWithApp,
    action: AuditAction,
    who: { viewer: Viewer; origin: ActOrigin },
    details: JsonObject = {},
  ) {
    unit.audit({
      ...actorOf(who.viewer, who.origin),
      action,
      resourceType: 'version',
      resourceId: version.id,
      details: { packageId: version.app.packageId, versionCode: version.versionCode, ...details },
    });
  }

  const service = {
    load,
    refreshApp,

    /** Moves a version for a feature that has checked the right to; the caller emits and audits. */
    async move(unit: Unit, version: VersionWithApp, act: VersionAct, extras: StateExtras = {}): Promise<void> {
      await moveVersion(unit.tx, clock, version, act, extras);
      if (version.state === 'PUBLISHED' || nextState(act, parseState(version.state)) === 'PUBLISHED') {
        await refreshApp(unit.tx, version.appId);
        unit.afterCommit(storeChanged);
      }
    },

    /**
     * Sends a draft to the checks: claims its version code for ever, enqueues the check job, and places the bytes before
     * it answers. Throws SIGNATURE_MISSING, ICON_MISSING, KEY_NOT_PINNED, KEY_ENDED (the draft stays a draft and spends
     * no code), VERSION_CODE_SPENT or STATE_CONFLICT.
     */
    async submit(viewer: Viewer, versionId: string, origin: ActOrigin, key?: string | null): Promise<string> {
      const version = await work(async (unit) => {
        await once(unit, clock, { viewer, key, operation: 'submitVersion', input: versionId }, async () => {
          const version = await loadFor(unit.tx, viewer, versionId, 'submit');
          if (version.state !== 'DRAFT') throw stateConflict('submit', version.state);
          await checkReady(unit.tx, version);
          if (version.versionCode <= version.app.highestCode)
            throw codeSpent(version.versionCode, version.app.highestCode);
          const now = clock.now();
          await moveVersion(unit.tx, clock, version, 'submit', {
            round: 1,
            claimedCode: version.versionCode,
            submittedAt: now,
          });
          await unit.tx.app.update({ where: { id: version.appId }, data: { highestCode: version.versionCode } });
          const actorId = viewer.kind === 'developer' ? viewer.developerId : null;
          tell(unit, version, 'SUBMITTED', { actorId, payload: { round: 1 } });
          note(unit, version, 'version.submit', { viewer, origin });
          unit.enqueue({
            kind: 'check-version',
            key: checkJobKey({ id: version.id, round: 1 }),
            payload: { versionId: version.id, round: 1 },
            maxAttempts: 3,
          });
          return version.id;
        });
        return load(unit.tx, versionId);
      }).catch((error: unknown) => {
        if (isUniqueViolation(error))
          throw new DomainError(
            'VERSION_CODE_SPENT',
            'Another version with this code was submitted at the same moment. Build with a higher version_code.',
          );
        throw error;
      });
      await packages.place(version);
      return version.id;
    },

    /** Takes a version back before it is published; a submitted code stays spent. */
    async withdraw(viewer: Viewer, versionId: string, origin: ActOrigin): Promise<string> {
      await work(async (unit) => {
        const version = await loadFor(unit.tx, viewer, versionId, 'withdraw');
        await moveVersion(unit.tx, clock, version, 'withdraw');
        await cancelReviews(unit, version.id);
        tell(unit, version, 'WITHDRAWN', { actorId: actorId(viewer) });
        note(unit, version, 'version.withdraw', { viewer, origin });
      });
      return versionId;
    },

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
          });
          await refreshApp(unit.tx, version.appId);
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
        await refreshApp(unit.tx, version.appId);
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
        await refreshApp(unit.tx, appId);
      });
      storeChanged();
      return appId;
    },

    /** The text of one file of a version's package; null where there is none to show. */
    readText: packages.readText,

    /** Takes a published version out of the store against its owner's will, with a reason they are shown. */
    async suspend(viewer: Viewer, versionId: string, reason: string, origin: ActOrigin): Promise<string> {
      return moderate(viewer, versionId, { act: 'suspend', reason, origin });
    },

    /** Puts a suspended version back. */
    async reinstate(viewer: Viewer, versionId: string, reason: string, origin: ActOrigin): Promise<string> {
      return moderate(viewer, versionId, { act: 'reinstate', reason, origin });
    },

    /** Ends what a compromised key signed since a time: in work is rejected, published is suspended. */
    async endForKey(unit: Unit, keyId: string, since: Date): Promise<void> {
      const versions = await unit.tx.appVersion.findMany({
        where: { signerKeyId: keyId, submittedAt: { gte: since } },
        include: WITH_APP,
      });
      for (const version of versions) {
        const target = nextState('compromise', parseState(version.state));
        if (target === null) continue;
        const reason = 'The key that signed it was reported as compromised.';
        await moveVersion(unit.tx, clock, version, 'compromise', { stateReason: reason });
        await cancelReviews(unit, version.id);
        await refreshApp(unit.tx, version.appId);
        tell(unit, version, target === 'REJECTED' ? 'REJECTED' : 'SUSPENDED', {
          actorId: null,
          payload: { reason, by: 'SYSTEM' },
        });
        unit.audit({
          ...SYSTEM_ACTOR,
          action: target === 'REJECTED' ? 'review.reject' : 'version.suspend',
          resourceType: 'version',
          resourceId: version.id,
          details: { reason },
        });
      }
      unit.afterCommit(storeChanged);
    },

    /** Changes a draft's release notes. */
    async updateDraft(viewer: Viewer, versionId: string, releaseNotes: string, origin: ActOrigin): Promise<string> {
      const text = onlyText(releaseNotes, 'input.releaseNotes', 4000);
      await work(async (unit) => {
        const version = await loadFor(unit.tx, viewer, versionId, 'submit');
        const changed = await unit.tx.appVersion.updateMany({
          where: { id: versionId, state: { in: ['DRAFT', 'APPROVED'] } },
          data: { releaseNotes: text, updatedAt: clock.now() },
        });
        if (changed.count === 0) {
          throw new DomainError(
            'STATE_CONFLICT',
            `Release notes can be changed while a version is DRAFT or APPROVED; it is ${version.state}.`,
            { currentState: version.state },
          );
        }
        note(unit, version, 'version.update', { viewer, origin });
      });
      return versionId;
    },

    /** Deletes a draft and its bytes. */
    async deleteDraft(viewer: Viewer, versionId: string, origin: ActOrigin): Promise<string> {
      const appId = await work(async (unit) => {
        const version = await loadFor(unit.tx, viewer, versionId, 'submit');
        const deleted = await unit.tx.appVersion.deleteMany({ where: { id: versionId, state: 'DRAFT' } });
        if (deleted.count === 0)
          throw new DomainError(
            'STATE_CONFLICT',
            `Only a draft can be deleted; the version is ${version.state}. Withdraw it instead.`,
            { currentState: version.state },
          );
        note(unit, version, 'version.delete', { viewer, origin });
        return version.appId;
      });
      await packages.discardDraft(versionId);
      return appId;
    },
  };

  async function moderate(
    viewer: Viewer,
    versionId: string,
    { act, reason, origin }: { act: 'suspend' | 'reinstate'; reason: string; origin: ActOrigin },
  ): Promise<string> {
    const text = onlyText(reason, 'input.reason', 2000, 1);
    await work(async (unit) => {
      const person = viewer.kind === 'developer' && viewer.admin ? requireAdmin(viewer) : requireReviewer(viewer);
      const version = await load(unit.tx, versionId);
      if (version.claimedCode === null) throw notFound('The version');
      if (version.app.members.some((member) => member.developerId === person.developerId)) {
        throw new DomainError('OWN_APP', 'You are a member of this app. Somebody else must decide about it.');
      }
      await moveVersion(unit.tx, clock, version, act, { stateReason: act === 'suspend' ? text : null });
      await refreshApp(unit.tx, version.appId);
      tell(unit, version, act === 'suspend' ? 'SUSPENDED' : 'REINSTATED', {
        actorId: person.developerId,
        payload: { reason: text },
      });
      note(
        unit,
        version,
        act === 'suspend' ? 'version.suspend' : 'version.reinstate',
        { viewer, origin },
        { reason: text },
      );
    });
    storeChanged();
    return versionId;
  }

  return service;
}

function actorId(viewer: Viewer): string | null {
  return viewer.kind === 'developer' ? viewer.developerId : null;
}

function codeSpent(code: number, highest: number): DomainError {
  return new DomainError(
    'VERSION_CODE_SPENT',
    `Version code ${code} is spent: the app has submitted ${highest}. Build with version_code ${highest + 1} or higher.`,
  );
}

/** What a draft must have before it may spend its code (docs/PACKAGE_FORMAT.md, context rules). */
async function checkReady(tx: Tx, version: VersionWithApp): Promise<void> {
  if (version.signerKeyId === null) {
    throw new DomainError('SIGNATURE_MISSING', 'The package is not signed. Run `mosis sign`, then upload it again.');
  }
  const icons = (version.manifest as { icons?: Record<string, string> }).icons ?? {};
  if (icons['64'] === undefined) {
    throw new DomainError(
      'ICON_MISSING',
      'The manifest names no icon of 64 pixels. Add `"64"` to `icons`, build and upload again.',
    );
  }
  const key = await tx.signingKey.findUnique({ where: { keyId: version.signerKeyId } });
  if (key !== null && key.status !== 'ACTIVE') {
    throw new DomainError(
      'KEY_ENDED',
      `The key ${version.signerKeyId} has ended and can sign nothing new. Sign with another pinned key.`,
    );
  }
  const pins = await tx.pinLink.findFirst({ where: { appId: version.appId }, orderBy: { serial: 'desc' } });
  if (pins === null || key === null || !(pins.keyIds as string[]).includes(version.signerKeyId)) {
    throw new DomainError(
      'KEY_NOT_PINNED',
      `The key ${version.signerKeyId} may not sign this app. Register it (\`mosis keys register\`) and pin it (\`mosis keys pin ${version.app.packageId}\`).`,
      { keyId: version.signerKeyId },
    );
  }
}
