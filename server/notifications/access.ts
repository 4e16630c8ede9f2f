/** Owns who may see and change webhooks and mail choices: their own account, and no API key. It reads no database. */
import { requirePerson } from '../accounts/access.ts';
import { type DeveloperIdentity, type DeveloperViewer, type Viewer, viewerOf } from '../accounts/viewer.ts';
import type { MemberRole } from '../apps/access.ts';
import type { Prisma } from '../generated/prisma/client.ts';

/** Roles that act on versions; those who only read are not mailed. */
export const MAILED_ROLES: readonly MemberRole[] = ['OWNER', 'MAINTAINER'];

/** The viewer who may manage webhooks and mail. Throws UNAUTHENTICATED, or FORBIDDEN for an API key. */
export function requireManager(viewer: Viewer): DeveloperViewer {
  return requirePerson(viewer);
}

/** The webhooks that exist for the viewer. */
export function visibleWebhooks(viewer: Viewer): Prisma.WebhookWhereInput {
  const isPerson = viewer.kind === 'developer' && viewer.credential.kind !== 'API_KEY';
  return isPerson ? { developerId: viewer.developerId } : { id: { in: [] } };
}

/** The deliveries that exist for the viewer. */
export function visibleDeliveries(viewer: Viewer): Prisma.WebhookDeliveryWhereInput {
  return { webhook: visibleWebhooks(viewer) };
}

/** An account as a developer without any further role: what its webhooks and mails may tell. */
export function asDeveloper(developer: DeveloperIdentity): DeveloperViewer {
  return viewerOf(developer, { kind: 'CLI', id: '', expiresAt: new Date(0) });
}
