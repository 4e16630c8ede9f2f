// The events that a webhook can carry, in the order of a version's life, and the sample that verifies a request. Pure.
import type { EventType } from '#lib/graphql/generated/graphql.ts';

export const WEBHOOK_EVENTS = [
  'UPLOADED',
  'UPLOAD_REFUSED',
  'SUBMITTED',
  'CHECKS_PASSED',
  'CHECKS_FAILED',
  'QUEUED',
  'CLAIMED',
  'RELEASED',
  'APPROVAL_ADDED',
  'COMMENTED',
  'APPROVED',
  'REJECTED',
  'APPEALED',
  'WITHDRAWN',
  'PUBLISHED',
  'UNPUBLISHED',
  'ROLLOUT_CHANGED',
  'SUSPENDED',
  'REINSTATED',
] as const satisfies readonly EventType[];

/** Standard Webhooks, Verifying signatures. */
export const VERIFY_SAMPLE = `import { createHmac, timingSafeEqual } from 'node:crypto';

// body: the request's text as it came, before any parsing
export function isFromMosis(secret, headers, body) {
  const id = headers['webhook-id'];
  const at = headers['webhook-timestamp'];
  if (Math.abs(Date.now() / 1000 - Number(at)) > 300) return false;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const mac = createHmac('sha256', key).update(\`\${id}.\${at}.\${body}\`).digest();
  return headers['webhook-signature'].split(' ').some((part) => {
    const given = Buffer.from(part.replace('v1,', ''), 'base64');
    return given.length === mac.length && timingSafeEqual(given, mac);
  });
}
`;
