/** Owns what a version is compared with: the newest version of its app that stands approved and came before it. Pure. */
import type { Prisma } from '../generated/prisma/client.ts';
import { APPROVED_STATES } from './states.ts';

/** The query for the base of a version: what the policy and every difference are measured against. */
export function approvedBefore({ appId, versionCode }: { readonly appId: string; readonly versionCode: number }) {
  return {
    where: { appId, versionCode: { lt: versionCode }, state: { in: [...APPROVED_STATES] } },
    orderBy: { versionCode: 'desc' },
  } as const satisfies Prisma.AppVersionFindFirstArgs;
}
