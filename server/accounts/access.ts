/** Owns who may do what with an account's own things and with roles; it reads no database. Apps and versions have their own access files. */
import { DomainError } from '../errors.ts';
import type { ApiKeyScope, DeveloperViewer, Viewer } from './viewer.ts';

/** Whether somebody is signed in, by any credential. */
export function isSignedIn(viewer: Viewer): viewer is DeveloperViewer {
  return viewer.kind === 'developer';
}

/** The signed-in viewer. Throws UNAUTHENTICATED for a visitor. */
export function requireSignedIn(viewer: Viewer): DeveloperViewer {
  if (viewer.kind === 'developer') return viewer;
  throw new DomainError('UNAUTHENTICATED', 'Sign in first.');
}

/** A person at the portal or the CLI: what API keys may never do (keys, members, deletion, sessions, profile) asks for this. Throws UNAUTHENTICATED or FORBIDDEN. */
export function requirePerson(viewer: Viewer): DeveloperViewer {
  const developer = requireSignedIn(viewer);
  if (developer.credential.kind !== 'API_KEY') return developer;
  throw new DomainError('FORBIDDEN', 'An API key cannot do this. Use the portal or sign in with `mosis login`.');
}

/** A person at the portal: what could make a stolen CLI token stronger asks for this. Throws UNAUTHENTICATED or FORBIDDEN. */
export function requirePortal(viewer: Viewer): DeveloperViewer {
  const developer = requireSignedIn(viewer);
  if (developer.credential.kind === 'SESSION') return developer;
  throw new DomainError('FORBIDDEN', 'This can only be done in the portal.');
}

/** Whether the viewer may act as an admin; only a portal session can. */
export function isAdmin(viewer: Viewer): boolean {
  return viewer.kind === 'developer' && viewer.credential.kind === 'SESSION' && viewer.admin;
}

/** Whether the viewer may act as a reviewer; only a portal session can. Admins are not reviewers unless they also have that role. */
export function isReviewer(viewer: Viewer): boolean {
  return viewer.kind === 'developer' && viewer.credential.kind === 'SESSION' && viewer.reviewer;
}

/** An admin at the portal. Throws UNAUTHENTICATED or FORBIDDEN. */
export function requireAdmin(viewer: Viewer): DeveloperViewer {
  const developer = requireSignedIn(viewer);
  if (isAdmin(developer)) return developer;
  throw new DomainError('FORBIDDEN', 'Only an admin who is signed in to the portal can do this.');
}

/** A reviewer at the portal. Throws UNAUTHENTICATED or FORBIDDEN. */
export function requireReviewer(viewer: Viewer): DeveloperViewer {
  const developer = requireSignedIn(viewer);
  if (isReviewer(developer)) return developer;
  throw new DomainError('FORBIDDEN', 'Only a reviewer who is signed in to the portal can do this.');
}

/** Whether the credential allows acts of this scope: sessions allow all, an API key only what it was given. */
export function hasScope(viewer: Viewer, scope: ApiKeyScope): boolean {
  if (viewer.kind !== 'developer') return false;
  return viewer.credential.kind !== 'API_KEY' || viewer.credential.scopes.includes(scope);
}

/** The signed-in viewer whose credential has the scope. Throws UNAUTHENTICATED or SCOPE_MISSING. */
export function requireScope(viewer: Viewer, scope: ApiKeyScope): DeveloperViewer {
  const developer = requireSignedIn(viewer);
  if (hasScope(developer, scope)) return developer;
  throw new DomainError('SCOPE_MISSING', `This API key lacks the scope ${scope}. Create a key that has it.`, { scope });
}

/** The one app that the credential is for, or null when it is not cut down to one. For query conditions. */
export function onlyAppId(viewer: Viewer): string | null {
  return viewer.kind === 'developer' && viewer.credential.kind === 'API_KEY' ? viewer.credential.appId : null;
}

/** Whether the credential reaches this app at all; says nothing about membership. */
export function reachesApp(viewer: Viewer, appId: string): boolean {
  const only = onlyAppId(viewer);
  return only === null || only === appId;
}
