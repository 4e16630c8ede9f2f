// Every text of the portal in English, put together from one file for each part. Plain and short; buttons are verbs.
import { account } from '#lib/messages/en/account.ts';
import { admin } from '#lib/messages/en/admin.ts';
import { analytics } from '#lib/messages/en/analytics.ts';
import { apps } from '#lib/messages/en/apps.ts';
import { frame } from '#lib/messages/en/frame.ts';
import { notifications } from '#lib/messages/en/notifications.ts';
import { policy } from '#lib/messages/en/policy.ts';
import { rescans } from '#lib/messages/en/rescans.ts';
import { reviews } from '#lib/messages/en/reviews.ts';
import { rollouts } from '#lib/messages/en/rollouts.ts';
import { updates } from '#lib/messages/en/updates.ts';
import { version } from '#lib/messages/en/version.ts';
import { visitors } from '#lib/messages/en/visitors.ts';
import { appStatus, keyStatus, reasons, roles, scopes, states } from '#lib/messages/en/words.ts';

export const en = {
  name: 'Mosis',
  states,
  appStatus,
  reasons,
  scopes,
  roles,
  keyStatus,
  ...frame,
  ...visitors,
  ...apps,
  ...analytics,
  ...account,
  ...version,
  ...reviews,
  ...admin,
  ...notifications,
  ...policy,
  ...rescans,
  ...rollouts,
  ...updates,
};

export type Messages = typeof en;
