/** Owns who an audit row says acted: the viewer's account, credential, address and user agent. */
import type { Viewer } from '../accounts/viewer.ts';
import type { AuditEntry } from './service.ts';

/** Where an act came from. */
export interface ActOrigin {
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** The part of an audit entry that says who acted. */
export type Actor = Pick<AuditEntry, 'actorId' | 'via' | 'ip' | 'userAgent'>;

/** The part of an audit entry that the viewer and the request decide. */
export function actorOf(viewer: Viewer, origin: ActOrigin): Actor {
  const from = { ip: origin.ip, userAgent: origin.userAgent };
  if (viewer.kind === 'anonymous') return { actorId: null, via: 'SYSTEM', ...from };
  return { actorId: viewer.developerId, via: viewer.credential.kind, ...from };
}

/** An act of the system itself: a job, a check, a schedule. */
export const SYSTEM_ACTOR: Pick<AuditEntry, 'actorId' | 'via'> = { actorId: null, via: 'SYSTEM' };

/** An act of who runs the installation, by the operator command. */
export const OPERATOR_ACTOR: Pick<AuditEntry, 'actorId' | 'via'> = { actorId: null, via: 'OPERATOR' };
