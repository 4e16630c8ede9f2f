// Owns the text that pub/sub carries about the event log: up to which cursor, and whom it may concern. Pure.
import { z } from 'zod';
import type { EventFilter } from './types.ts';

/** Longer lists are left out: then the hint concerns everybody. */
const MAX_NAMED = 20;

/** "The log has grown to `n`, with events of these apps, versions and types"; an absent list means any. */
export type Hint = { n: bigint; appIds?: readonly string[]; versionIds?: readonly string[]; types?: readonly string[] };

const HINT = z.object({
  n: z.string().regex(/^\d{1,18}$/),
  appIds: z.array(z.string()).optional(),
  versionIds: z.array(z.string()).optional(),
  types: z.array(z.string()).optional(),
});

/** The text of a hint. */
export function writeHint(hint: Hint): string {
  const short = (names: readonly string[] | undefined) => (names && names.length <= MAX_NAMED ? names : undefined);
  const { appIds, versionIds, types } = hint;
  return JSON.stringify({ n: String(hint.n), appIds: short(appIds), versionIds: short(versionIds), types });
}

/** Reads a hint; null for text that is none, which a follower takes as "look". */
export function parseHint(text: string): Hint | null {
  try {
    const parsed = HINT.safeParse(JSON.parse(text));
    if (!parsed.success) return null;
    const { n, appIds, versionIds, types } = parsed.data;
    return {
      n: BigInt(n),
      ...(appIds && { appIds }),
      ...(versionIds && { versionIds }),
      ...(types && { types }),
    };
  } catch {
    return null;
  }
}

/** Whether a reader with this filter should look; true when in doubt. */
export function concerns(hint: Hint, filter: EventFilter): boolean {
  const { appId, appIds, versionId, types } = filter;
  if (hint.versionIds && versionId !== undefined && !hint.versionIds.includes(versionId)) return false;
  if (hint.appIds && appId !== undefined && !hint.appIds.includes(appId)) return false;
  if (hint.appIds && appIds !== undefined && !hint.appIds.some((id) => appIds.includes(id))) return false;
  if (hint.types && types !== undefined && !types.some((type) => hint.types?.includes(type))) return false;
  return true;
}
