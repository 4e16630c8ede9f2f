/** Owns the conversation about a version between its members and reviewers. */
import { isAdmin, isReviewer, isSignedIn, requireSignedIn } from '../accounts/access.ts';
import type { DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import { requireRole, roleOn } from '../apps/access.ts';
import { onlyText } from '../apps/inputs.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import { once } from '../idempotency.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Unit } from '../unit-of-work.ts';
import { MEMBER_ACTS } from '../versions/access.ts';
import type { ReviewsOptions } from './records.ts';

const MAX_COMMENT = 4000;
/** Of each side about one version; far beyond any conversation. */
const MAX_COMMENTS = 500;

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

    /** Adds to the conversation about a version, by a member of its app, by a reviewer who is none, or by an admin who took its review. */
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
        if (!isMember && isSignedIn(viewer) && !(await reviews(unit.tx, viewer, version)))
          throw notFound('The version');
        const author = isMember ? requireRole(viewer, version.app, MEMBER_ACTS.appeal) : requireSignedIn(viewer);
        const side = isMember ? 'DEVELOPER' : 'REVIEWER';
        if ((await unit.tx.comment.count({ where: { versionId: version.id, side } })) >= MAX_COMMENTS) {
          throw new DomainError(
            'LIMIT_REACHED',
            `Each side writes at most ${MAX_COMMENTS} comments about a version. Go on with the next version.`,
          );
        }
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

/** Whether the viewer speaks for the platform about a submitted version: a reviewer, or an admin who took a review of it. */
async function reviews(
  tx: Tx,
  viewer: DeveloperViewer,
  version: { readonly id: string; readonly claimedCode: number | null },
): Promise<boolean> {
  if (version.claimedCode === null) return false;
  if (isReviewer(viewer)) return true;
  const { developerId } = viewer;
  const taken = { OR: [{ claimedById: developerId }, { approvals: { some: { reviewerId: developerId } } }] };
  return isAdmin(viewer) && (await tx.review.count({ where: { versionId: version.id, ...taken } })) > 0;
}
