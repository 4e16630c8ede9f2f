/** Owns how webhook requests are signed, after the Standard Webhooks specification; pure. It stores no secret. */
import { createHmac } from 'node:crypto';

export const SECRET_PREFIX = 'whsec_';
/** Standard Webhooks, Signature scheme: a symmetric secret has 24 to 64 bytes. */
const SECRET_BYTES = 32;

/** A new secret as its owner keeps it: `whsec_` and the base64 of 32 random bytes. */
export function newWebhookSecret(random: (size: number) => Uint8Array): string {
  return SECRET_PREFIX + Buffer.from(random(SECRET_BYTES)).toString('base64');
}

/** One signature: `v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`, keyed with the secret's decoded bytes. */
export function signatureOf(
  secret: string,
  message: { readonly id: string; readonly timestampSeconds: number; readonly body: string },
): string {
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
  const mac = createHmac('sha256', key).update(`${message.id}.${message.timestampSeconds}.${message.body}`, 'utf8');
  return `v1,${mac.digest('base64')}`;
}

/** The three headers of a request; a signature for each secret in force, separated by spaces. */
export function signedHeaders(
  secrets: readonly string[],
  message: { readonly id: string; readonly timestampSeconds: number; readonly body: string },
): Record<'Webhook-Id' | 'Webhook-Timestamp' | 'Webhook-Signature', string> {
  return {
    'Webhook-Id': message.id,
    'Webhook-Timestamp': String(message.timestampSeconds),
    'Webhook-Signature': secrets.map((secret) => signatureOf(secret, message)).join(' '),
  };
}
