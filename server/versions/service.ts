/**
 * Owns versions as a whole, put together from their parts: the only writer of their rows and of the store columns of their app.
 * Decisions of reviewers and checks come through `move`; who asked for them is checked by the features that call it.
 */
import type { Unit } from '../unit-of-work.ts';
import { createModeration } from './moderation.ts';
import { createPublication, type PublicationRollouts, type StatementSigner } from './publication.ts';
import { load, refreshApp, type VersionWithApp, type VersionWork } from './records.ts';
import { nextState, parseState, type VersionAct } from './states.ts';
import type { StoredPackages } from './stored-packages.ts';
import { createSubmission } from './submission.ts';
import { moveVersion, type StateExtras } from './transition.ts';

interface VersionsOptions extends VersionWork {
  readonly packages: StoredPackages;
  readonly signer: StatementSigner;
  /** Asked for late: rollouts publish through the versions. */
  readonly rollouts: () => PublicationRollouts;
}

export type Versions = ReturnType<typeof createVersions>;

/** What edges, reviews and accounts call. */
export function createVersions(options: VersionsOptions) {
  const { clock, packages, storeChanged } = options;
  return {
    load,
    readText: packages.readText,
    ...createSubmission(options),
    ...createPublication(options),
    ...createModeration(options),

    /** Moves a version for a feature that has checked the right to; the caller emits and audits. */
    async move(unit: Unit, version: VersionWithApp, act: VersionAct, extras: StateExtras = {}): Promise<void> {
      await moveVersion(unit.tx, clock, version, act, extras);
      if (version.state === 'PUBLISHED' || nextState(act, parseState(version.state)) === 'PUBLISHED') {
        await refreshApp(unit.tx, clock, version.appId);
        unit.afterCommit(storeChanged);
      }
    },
  };
}
