/** Owns the conversation about a version between its members and reviewers. */
import { isReviewer, isSignedIn, requireReviewer } from '../accounts/access.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole, roleOn } from '../apps/access.ts';
import { onlyText } from '../apps/inputs.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { notFound } from '../errors.ts';
import { once } from '../idempotency.ts';
import type { Unit } from '../unit-of-work.ts';
import { MEMBER_ACTS } from '../versions/access.ts';
import type { ReviewsOptions } from './records.ts';

const MAX_COMMENT = 4000;

export type Comments = ReturnType<typeof createComments>;

export function createComments({ work, clock, ids }: Pick<ReviewsOptions, 'work' | 'clock' | 'ids'>) {
  /** Writes a comment for an act that tells of itself. Throws VALIDATION, or NOT_FOUND for a finding of another version. */
  async function add(
    unit: Unit,
    given: {
      versionId: string;
      findingId: string | null;
      authorId: string;
      side: 'DEVELOPER' | 'REVIEWER';
      body: string;
    },
  ): Promise<string> {
    const body = onlyText(given.body, 'input.body', MAX_COMMENT, 1);
    if (given.findingId !== null) {
      const known = await unit.tx.versionFinding.count({ where: { id: given.findingId, versionId: given.versionId } });
      if (known === 0) throw notFound('The finding');
    }
    const id = ids.next();
    await unit.tx.comment.create({ data: { id, ...given, body, createdAt: clock.now() } });
    return id;
  }

  return {
    add,

    /** Adds to the conversation about a version, by a member of its app or by a reviewer who is none. */
    async comment(
      viewer: Viewer,
      input: { versionId: string; findingId: string | null; body: string },
      origin: ActOrigin,
      key?: string | null,
    ): Promise<string> {
      const body = onlyText(input.body, 'input.body', MAX_COMMENT, 1);
      const write = async (unit: Unit): Promise<string> => {
        const version = await unit.tx.appVersion.findUnique({
          where: { id: input.versionId },
          include: { app: { include: { members: true } } },
        });
        if (version === null) throw notFound('The version');
        const isMember = roleOn(viewer, version.app) !== null;
        if (!isMember && isSignedIn(viewer) && (!isReviewer(viewer) || version.claimedCode === null))
          throw notFound('The version');
        const author = isMember ? requireRole(viewer, version.app, MEMBER_ACTS.appeal) : requireReviewer(viewer);
        const side = isMember ? 'DEVELOPER' : 'REVIEWER';
        const id = await add(unit, {
          versionId: version.id,
          findingId: input.findingId,
          authorId: author.developerId,
          side,
          body,
        });
        unit.emit({
          type: 'COMMENTED',
          appId: version.appId,
          versionId: version.id,
          actorId: author.developerId,
          payload: { commentId: id, side },
        });
        unit.audit({
          ...actorOf(viewer, origin),
          action: 'review.comment',
          resourceType: 'version',
          resourceId: version.id,
        });
        return id;
      };
      const repeatable = { viewer, key, operation: 'commentOnVersion', input };
      return (await work((unit) => once(unit, clock, repeatable, () => write(unit)))).id;
    },
  };
}
