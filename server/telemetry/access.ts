/** Owns who may read an app's telemetry: its members, by a session or a key with `telemetry:read`. It reads no database. */
import type { Viewer } from '../accounts/viewer.ts';
import { requireRole } from '../apps/access.ts';

/**
 * Throws UNAUTHENTICATED, SCOPE_MISSING, or NOT_FOUND for anybody but a member: reviewers and admins who see the app do
 * not see how it is used.
 */
export function requireTelemetryReader(
  viewer: Viewer,
  app: { readonly id: string; readonly members: readonly { readonly developerId: string; readonly role: string }[] },
): void {
  requireRole(viewer, app, { role: 'VIEWER', scope: 'telemetry:read' });
}
