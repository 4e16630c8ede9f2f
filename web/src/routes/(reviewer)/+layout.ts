// Pages of reviewers.
import { requireRole } from '#lib/session/guard.ts';
import type { LayoutLoad } from './$types';

export const load: LayoutLoad = async ({ url }) => {
  await requireRole(url, 'REVIEWER');
};
