/** Owns the key that webhook secrets are sealed with, and the sealed form; a copy of the database alone gives no secret away. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeKeyFile } from '../platform/key-file.ts';

const FILE = 'webhooks.key';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The secrets of one webhook. */
export interface WebhookSecrets {
  readonly current: string;
  /** The one before, which signs beside the current one until then; null where none does. */
  readonly previous: { readonly secret: string; readonly until: Date } | null;
}

export interface Seal {
  /** AES-256-GCM over the secrets, bound to the webhook's id: put under another id it does not open. */
  close(webhookId: string, secrets: WebhookSecrets): string;
  /** Throws for what this key did not seal for that id. */
  open(webhookId: string, sealed: string): WebhookSecrets;
}

const contents = z.strictObject({
  current: z.string(),
  previous: z
    .strictObject({ secret: z.string(), until: z.iso.datetime().transform((text) => new Date(text)) })
    .nullable(),
});

/**
 * Reads `{dir}/webhooks.key` (base64 of 32 bytes), and makes it (mode 0600, synced) at the first start. Throws for a file
 * that is none: with a new key in its place no secret of any webhook would open.
 */
export async function loadSeal(dir: string): Promise<Seal> {
  const path = join(dir, FILE);
  await makeKeyFile(path, () => `${randomBytes(KEY_BYTES).toString('base64')}\n`);
  await chmod(path, 0o600);
  const text = await readFile(path, 'utf8');
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== KEY_BYTES) {
    throw new Error(
      `${path} is not a webhook key file. Restore it from a backup; without it webhooks need new secrets.`,
    );
  }
  return createSeal(key);
}

/** A seal with this key of 32 bytes. */
export function createSeal(key: Uint8Array): Seal {
  return {
    close(webhookId, secrets) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(webhookId));
      const sealed = Buffer.concat([cipher.update(JSON.stringify(secrets), 'utf8'), cipher.final()]);
      return `v1.${Buffer.concat([iv, sealed, cipher.getAuthTag()]).toString('base64url')}`;
    },
    open(webhookId, sealed) {
      const bytes = Buffer.from(sealed.replace(/^v1\./, ''), 'base64url');
      const tag = bytes.subarray(-TAG_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(webhookId)).setAuthTag(tag);
      const plain = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
      return contents.parse(JSON.parse(plain.toString('utf8')));
    },
  };
}

/** The secrets that sign at a time: the current one, and the one before while it may. */
export function secretsInForce(secrets: WebhookSecrets, now: Date): string[] {
  const { current, previous } = secrets;
  return previous !== null && previous.until > now ? [current, previous.secret] : [current];
}
