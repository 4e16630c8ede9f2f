/** Owns the key that webhook secrets are sealed with, and the sealed form; a copy of the database alone gives no secret away. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

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
export function loadSeal(dir: string): Seal {
  const path = join(dir, FILE);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const text = readIfThere(path) ?? makeKey(dir, path);
  chmodSync(path, 0o600);
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

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Written and synced beside its place, then linked there: the name never shows half a key. */
function makeKey(dir: string, path: string): string {
  const draft = `${path}.${process.pid}.new`;
  rmSync(draft, { force: true });
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  rmSync(draft, { force: true });
  const folder = openSync(dir, 'r');
  fsyncSync(folder);
  closeSync(folder);
  return readFileSync(path, 'utf8');
}
