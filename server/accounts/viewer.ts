/** Owns the type of who is asking. It decides nothing (access.ts does) and reads nothing (service.ts does). */
import type { ActOrigin } from '../audit/actor.ts';

export const API_KEY_SCOPES = [
  'apps:read',
  'apps:write',
  'versions:write',
  'versions:publish',
  'telemetry:read',
] as const;
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];

export const CREDENTIAL_KINDS = ['SESSION', 'CLI', 'API_KEY'] as const;
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number];

/** What proved who is asking. `id` is the public id of the session or the id of the key, never a secret or its hash. */
export type Credential =
  | { readonly kind: 'SESSION' | 'CLI'; readonly id: string; readonly expiresAt: Date }
  | {
      readonly kind: 'API_KEY';
      readonly id: string;
      readonly expiresAt: Date | null;
      readonly scopes: readonly ApiKeyScope[];
      /** The one app that the key is for; null when it is for every app of its developer. */
      readonly appId: string | null;
    };

export type AnonymousViewer = { readonly kind: 'anonymous' };

export type DeveloperViewer = {
  readonly kind: 'developer';
  readonly developerId: string;
  readonly name: string;
  readonly email: string;
  /** In force for this request: false through a CLI session or an API key, whatever the account's roles are (docs/ARCHITECTURE.md, Permissions). */
  readonly reviewer: boolean;
  /** In force for this request, like `reviewer`. */
  readonly admin: boolean;
  readonly credential: Credential;
};

/** Who is asking, made once for a request and passed to every service call. */
export type Viewer = AnonymousViewer | DeveloperViewer;

export const ANONYMOUS: AnonymousViewer = { kind: 'anonymous' };

/** Where a request came from, for limits, the list of sessions and the audit log. */
export type Origin = ActOrigin;

/** What a viewer is made from. */
export type DeveloperIdentity = {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly reviewer: boolean;
  readonly admin: boolean;
};

/** The viewer behind a proven credential; roles come into force only through a portal session. */
export function viewerOf(developer: DeveloperIdentity, credential: Credential): DeveloperViewer {
  const inPortal = credential.kind === 'SESSION';
  return {
    kind: 'developer',
    developerId: developer.id,
    name: developer.name,
    email: developer.email,
    reviewer: inPortal && developer.reviewer,
    admin: inPortal && developer.admin,
    credential,
  };
}
