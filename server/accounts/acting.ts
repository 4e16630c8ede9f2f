/** Owns who may act as an admin: one at the portal, or the operator of the installation. It reads no database. */
import { type Actor, actorOf, OPERATOR_ACTOR } from '../audit/actor.ts';
import { requireAdmin } from './access.ts';
import type { Origin, Viewer } from './viewer.ts';

/** Whose act it is. The operator holds the data folder, so nothing more is asked. */
export type AdminAct = { readonly viewer: Viewer; readonly origin: Origin } | 'OPERATOR';

/** What the audit log says of the act. Throws UNAUTHENTICATED or FORBIDDEN for anybody but an admin at the portal. */
export function requireAdminAct(act: AdminAct): Actor {
  if (act === 'OPERATOR') return OPERATOR_ACTOR;
  requireAdmin(act.viewer);
  return actorOf(act.viewer, act.origin);
}
