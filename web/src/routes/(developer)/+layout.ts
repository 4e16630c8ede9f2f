// Pages of signed-in developers.
import { requireViewer } from '#lib/session/guard.ts';
import type { LayoutLoad } from './$types';

export const load: LayoutLoad = async ({ url }) => {
  await requireViewer(url);
};
