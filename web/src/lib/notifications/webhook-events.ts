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
  'PINS_CHANGED',
  'CRASH_REGRESSED',
  'SUSPENDED',
  'REINSTATED',
] as const satisfies readonly EventType[];

/** The sample of docs/API.md, Verify, to the letter: a test runs that one and compares the two. */
export const VERIFY_SAMPLE = `// verify-webhook.mjs
import { createHmac, timingSafeEqual } from 'node:crypto';

/** Whether the request is ours and fresh. \`body\` is the raw text, before any parsing. */
export function verifyWebhook(secret, headers, body, nowSeconds = Date.now() / 1000) {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  if (!id || !timestamp || !(Math.abs(nowSeconds - Number(timestamp)) <= 300)) return false;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', key).update(\`\${id}.\${timestamp}.\${body}\`).digest();
  return (headers['webhook-signature'] ?? '').split(' ').some((signature) => {
    const given = Buffer.from(signature.replace('v1,', ''), 'base64');
    return signature.startsWith('v1,') && given.length === expected.length && timingSafeEqual(given, expected);
  });
}
`;
