/** Owns a version's way to the checks and out of them at its developer's wish: drafts, submission, withdrawal. */
import type { Viewer } from '../accounts/viewer.ts';
import { onlyText } from '../apps/inputs.ts';
import type { ActOrigin } from '../audit/actor.ts';
import { DomainError } from '../errors.ts';
import { once } from '../idempotency.ts';
import type { Tx } from '../platform/db/database.ts';
import { isUniqueViolation } from '../platform/db/errors.ts';
import { checkJobKey } from '../validation/job-payload.ts';
import { actorId, load, loadFor, note, tell, type VersionWithApp, type VersionWork } from './records.ts';
import type { StoredPackages } from './stored-packages.ts';
import { moveVersion, stateConflict } from './transition.ts';

interface SubmissionOptions extends Pick<VersionWork, 'work' | 'clock' | 'cancelReviews'> {
  readonly packages: StoredPackages;
}

export function createSubmission({ work, clock, packages, cancelReviews }: SubmissionOptions) {
  return {
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
