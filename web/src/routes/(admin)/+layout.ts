// Pages of administrators.
import { requireRole } from '#lib/session/guard.ts';
import type { LayoutLoad } from './$types';

export const load: LayoutLoad = async ({ url }) => {
  await requireRole(url, 'ADMIN');
};
