/** Owns appeals against rejections: which are possible, and the new round they open. */
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole } from '../apps/access.ts';
import { onlyText } from '../apps/inputs.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { DomainError } from '../errors.ts';
import { MEMBER_ACTS } from '../versions/access.ts';
import { isOfCompromisedKey } from '../versions/compromised.ts';
import { stateConflict } from '../versions/transition.ts';
import type { Comments } from './comments.ts';
import type { ReviewQueue } from './queue.ts';
import { MAX_FEEDBACK, type ReviewsOptions } from './records.ts';

interface AppealsOptions extends Pick<ReviewsOptions, 'work' | 'versions'> {
  readonly queue: ReviewQueue;
  readonly comments: Comments;
}

export function createAppeals({ work, versions, queue, comments }: AppealsOptions) {
  return {
    /** Asks another reviewer to look at a rejection again, once a version. Throws APPEAL_NOT_POSSIBLE or STATE_CONFLICT. */
    async appeal(viewer: Viewer, versionId: string, reason: string, origin: ActOrigin): Promise<string> {
      const text = onlyText(reason, 'input.reason', MAX_FEEDBACK, 1);
      await work(async (unit) => {
        const version = await unit.tx.appVersion.findUnique({
          where: { id: versionId },
          include: { app: { include: { members: true } } },
        });
        const developer = requireRole(viewer, version?.app ?? null, MEMBER_ACTS.appeal);
        const loaded = await versions().load(unit.tx, versionId);
        if (loaded.state !== 'REJECTED') throw stateConflict('appeal', loaded.state);
        if (loaded.appealed)
          throw new DomainError(
            'APPEAL_NOT_POSSIBLE',
            'This version was appealed before; a version can be appealed once. Fix it and upload a new one.',
          );
        if (await isOfCompromisedKey(unit.tx, loaded))
          throw new DomainError(
            'APPEAL_NOT_POSSIBLE',
            'The key that signed this version was reported as compromised. Sign with another pinned key and upload a new version.',
          );
        const formatErrors = await unit.tx.checkRun.count({
          where: { versionId, errors: { gt: 0 }, check: { in: ['archive', 'manifest', 'contents', 'signature'] } },
        });
        if (formatErrors > 0)
          throw new DomainError(
            'APPEAL_NOT_POSSIBLE',
            'Format errors cannot be appealed: no device could install the package. Fix it and upload a new version.',
          );
        const round = loaded.round + 1;
        await versions().move(unit, loaded, 'appeal', {
          round,
          appealed: true,
          reviewReasons: ['APPEAL'],
          stateReason: null,
        });
        await comments.add(unit, {
          versionId,
          findingId: null,
          authorId: developer.developerId,
          side: 'DEVELOPER',
          body: text,
        });
        unit.emit({
          type: 'APPEALED',
          appId: loaded.appId,
          versionId,
          actorId: developer.developerId,
          payload: { message: text, round },
        });
        await queue.add(unit, loaded, { round, kind: 'APPEAL', reasons: ['APPEAL'] });
        unit.audit({
          ...actorOf(viewer, origin),
          action: 'version.appeal',
          resourceType: 'version',
          resourceId: versionId,
        });
      });
      return versionId;
    },
  };
}
