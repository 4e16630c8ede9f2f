/** Owns what the platform does to versions against their owner's will: suspension, its end, and what follows from a lost key. */
import { requireAdmin, requireReviewer } from '../accounts/access.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { onlyText } from '../apps/inputs.ts';
import { type ActOrigin, SYSTEM_ACTOR } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Unit } from '../unit-of-work.ts';
import { isOfCompromisedKey } from './compromised.ts';
import { load, note, refreshApp, tell, type VersionWork, WITH_APP } from './records.ts';
import { nextState, parseState } from './states.ts';
import { moveVersion } from './transition.ts';

export function createModeration({ work, clock, cancelReviews, storeChanged }: VersionWork) {
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
      if (act === 'reinstate' && (await isOfCompromisedKey(unit.tx, version)))
        throw new DomainError(
          'STATE_CONFLICT',
          'The key that signed this version was reported as compromised; it stays suspended. Its developer can sign a new version with another key.',
          { currentState: version.state },
        );
      await moveVersion(unit.tx, clock, version, act, { stateReason: act === 'suspend' ? text : null });
      // Looks beside the state have nothing left to take back.
      if (act === 'suspend') await cancelReviews(unit, version.id);
      await refreshApp(unit.tx, clock, version.appId);
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

  return {
    /** Takes a published version out of the store against its owner's will, with a reason they are shown. */
    async suspend(viewer: Viewer, versionId: string, reason: string, origin: ActOrigin): Promise<string> {
      return moderate(viewer, versionId, { act: 'suspend', reason, origin });
    },

    /** Puts a suspended version back; not what a compromised key signed. Throws STATE_CONFLICT. */
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
        await refreshApp(unit.tx, clock, version.appId);
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
  };
}
