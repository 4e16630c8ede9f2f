/** Owns what there is to know of the signed metadata's health, and what to do about it. Pure. */
import type { Clock } from '../../platform/clock.ts';
import { type OnlineRole, ROOT_NAMED_ROLES } from './role-keys.ts';
import { namedKeys } from './root.ts';
import { LIFETIMES } from './times.ts';
import type { Trust } from './trust.ts';

export const METADATA_WARNINGS = [
  'ROOT_DEVELOPMENT',
  'ROOT_ENDS_SOON',
  'ROOT_ENDED',
  'TIMESTAMP_STALE',
  'KEYS_MISSING',
  'KEY_WAITS',
] as const;
export type MetadataWarningCode = (typeof METADATA_WARNINGS)[number];

export interface MetadataWarning {
  readonly code: MetadataWarningCode;
  /** What, why, and what to do. */
  readonly message: string;
}

export interface MetadataHealth {
  readonly root: {
    readonly version: number;
    readonly expires: Date;
    /** Its key is on this server. */
    readonly development: boolean;
    readonly threshold: number;
    /** Ids of the keys that may sign roots. */
    readonly keys: readonly string[];
  };
  /** Of each online role, the key in use and the one that waits for the next root. */
  readonly online: readonly { readonly role: OnlineRole; readonly key: string | null; readonly waits: string | null }[];
  /** Null before anything was signed. */
  readonly timestampExpires: Date | null;
  readonly warnings: readonly MetadataWarning[];
}

/** A timestamp that ends sooner was not signed anew when it was due, three times over. */
const STALE_BEFORE_MS = 12 * 3_600_000;

export function healthOf(given: { trust: Trust; timestampExpires: Date | null; clock: Clock }): MetadataHealth {
  const { trust, timestampExpires, clock } = given;
  const { root, shelf } = trust;
  const { keyIds, threshold } = namedKeys(root.metadata, 'root');
  const online = (['timestamp', 'snapshot', 'targets', 'bins'] as const).map((role) => ({
    role,
    key: shelf[role].current?.key.keyID ?? null,
    waits: shelf[role].next?.key.keyID ?? null,
  }));
  return {
    root: {
      ...{ version: root.version, expires: root.expires, development: root.development, threshold },
      keys: keyIds,
    },
    online,
    timestampExpires,
    warnings: warningsOf(trust, timestampExpires, clock.ms()),
  };
}

function warningsOf({ root, keys, shelf }: Trust, timestampExpires: Date | null, nowMs: number): MetadataWarning[] {
  const warnings: MetadataWarning[] = [];
  const warn = (code: MetadataWarningCode, message: string) => void warnings.push({ code, message });
  const day = root.expires.toISOString().slice(0, 10);
  const leftMs = root.expires.getTime() - nowMs;
  if (root.development)
    warn(
      'ROOT_DEVELOPMENT',
      'The root of the signed metadata is a development root: its key lies on the server, so whoever breaks in can make devices trust anything. Before devices that people rely on: mosis-admin root init.',
    );
  if (leftMs <= 0)
    warn('ROOT_ENDED', `The root ended on ${day}: devices refuse everything. Now: mosis-admin root renew.`);
  else if (leftMs <= LIFETIMES.root.renewBeforeMs)
    warn('ROOT_ENDS_SOON', `The root ends on ${day}; after that devices refuse everything: mosis-admin root renew.`);
  if (keys === null)
    warn(
      'KEYS_MISSING',
      `Root ${root.version} names online keys that are not here, so nothing can be signed. Put keys/metadata back, or: mosis-admin root renew.`,
    );
  if (timestampExpires !== null && timestampExpires.getTime() - nowMs < STALE_BEFORE_MS)
    warn(
      'TIMESTAMP_STALE',
      `The timestamp ends at ${timestampExpires.toISOString()} and was not signed anew when it was due: the server's log says why. After that devices refuse everything.`,
    );
  const waiting = ROOT_NAMED_ROLES.filter((role) => shelf[role].next !== null);
  if (waiting.length > 0)
    warn(
      'KEY_WAITS',
      `New keys wait for the root that names them (${waiting.join(', ')}); until it is published the old ones sign: mosis-admin root publish.`,
    );
  return warnings;
}
