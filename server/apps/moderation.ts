/** Owns what admins and the operator do to a whole app against its owner's will: suspending and reinstating it. */
import { type AdminAct, requireAdminAct } from '../accounts/acting.ts';
import { DomainError, notFound } from '../errors.ts';
import type { App } from '../generated/prisma/client.ts';
import type { Clock } from '../platform/clock.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { onlyText } from './inputs.ts';

const MAX_REASON = 2000;

/** By its id, or by its package id as the operator writes it. */
export type WhichApp = { readonly id: string } | { readonly packageId: string };

interface ModerationOptions {
  readonly work: Work;
  readonly clock: Clock;
  /** Puts the app's store columns right (versions own them). */
  readonly refresh: (tx: Tx, appId: string) => Promise<void>;
  readonly storeChanged: () => void;
}

export type AppModeration = ReturnType<typeof createAppModeration>;

export function createAppModeration({ work, clock, refresh, storeChanged }: ModerationOptions) {
  async function load(unit: Unit, act: AdminAct, which: WhichApp): Promise<App> {
    const app = await unit.tx.app.findUnique({ where: which, include: { members: { select: { developerId: true } } } });
    if (app === null) throw notFound('The app');
    if (act !== 'OPERATOR') {
      const { viewer } = act;
      const isMember = app.members.some(
        ({ developerId }) => viewer.kind === 'developer' && viewer.developerId === developerId,
      );
      if (isMember)
        throw new DomainError('OWN_APP', 'You are a member of this app. Somebody else must decide about it.');
    }
    return app;
  }

  async function moderate(
    act: AdminAct,
    which: WhichApp,
    { suspends, reason }: { suspends: boolean; reason: string },
  ): Promise<App> {
    const actor = requireAdminAct(act);
    const text = onlyText(reason, 'input.reason', MAX_REASON, 1);
    const changed = await work(async (unit) => {
      const app = await load(unit, act, which);
      if ((app.status === 'SUSPENDED') === suspends) {
        const message = suspends ? 'The app is suspended already.' : `The app is not suspended: it is ${app.status}.`;
        throw new DomainError('STATE_CONFLICT', message, { currentState: app.status });
      }
      await unit.tx.app.update({
        where: { id: app.id },
        data: suspends
          ? { status: 'SUSPENDED', statusReason: text, updatedAt: clock.now() }
          : { status: 'UNPUBLISHED', statusReason: null, updatedAt: clock.now() },
      });
      // What is published of it decides what a reinstated app is.
      await refresh(unit.tx, app.id);
      const type = suspends ? 'SUSPENDED' : 'REINSTATED';
      unit.emit({ type, appId: app.id, actorId: actor.actorId, payload: { reason: text } });
      unit.audit({
        ...actor,
        action: suspends ? 'admin.suspend_app' : 'admin.reinstate_app',
        resourceType: 'app',
        resourceId: app.id,
        details: { packageId: app.packageId, reason: text },
      });
      return unit.tx.app.findUniqueOrThrow({ where: { id: app.id } });
    });
    storeChanged();
    return changed;
  }

  return {
    /**
     * Hides the app from store, downloads and signed metadata, with a reason that its members are shown; nothing of it can be published
     * meanwhile. Its versions stay as they are. Throws FORBIDDEN, NOT_FOUND, OWN_APP, VALIDATION, STATE_CONFLICT.
     */
    suspend: (act: AdminAct, which: WhichApp, reason: string) => moderate(act, which, { suspends: true, reason }),

    /** Shows it again, with what is published of it. Throws as `suspend` does. */
    reinstate: (act: AdminAct, which: WhichApp, reason: string) => moderate(act, which, { suspends: false, reason }),
  };
}
