// Sends whoever may not be here to the sign-in page; the server checks every right again.
import { error, redirect } from '@sveltejs/kit';
import type { SessionViewerFragment } from '#lib/graphql/generated/graphql.ts';
import { t } from '#lib/messages/messages.ts';
import { session } from '#lib/session/session.svelte.ts';

/** The viewer; anonymous ones are sent to sign in and come back to `url` afterwards. */
export async function requireViewer(url: URL): Promise<SessionViewerFragment> {
  const viewer = await session
    .ensure()
    .catch((failure: unknown) => error(503, failure instanceof Error ? failure.message : t.errors.unreachable));
  if (viewer === null) redirect(303, signInPath(url.pathname + url.search));
  return viewer;
}

/** Like requireViewer; for others than reviewers (or admins) the page does not exist. */
export async function requireRole(url: URL, role: 'REVIEWER' | 'ADMIN'): Promise<void> {
  const viewer = await requireViewer(url);
  if (!viewer.developer.roles.some((each) => each === role || each === 'ADMIN')) error(404, t.errors.notFound);
}

/** The sign-in page that leads back to `path`. */
export function signInPath(path: string): string {
  return `/sign-in?next=${encodeURIComponent(path)}`;
}

/** Where to go after signing in: only paths of this site are followed. */
export function nextPath(asked: string | null): string {
  return asked !== null && /^\/(?![/\\])/.test(asked) ? asked : '/apps';
}
