/** Owns the server's telemetry secrets and the keyed hash of device ids. A device id goes no further than this file's functions. */
import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DomainError } from '../errors.ts';
import { replaceWhole } from '../platform/files.ts';
import { makeKeyFile } from '../platform/key-file.ts';
import { createTurns } from '../platform/turns.ts';

const FILE = 'telemetry-secret';
const SECRET_BYTES = 32;
/** Each one costs a hash for each batch. */
export const MAX_SECRETS = 10;

const secretFile = z.strictObject({
  secrets: z
    .array(z.strictObject({ created_at: z.iso.datetime(), key: z.base64().length(44) }))
    .min(1)
    .max(100),
});
type SecretFile = z.infer<typeof secretFile>;

export interface TelemetrySecret {
  /** Newest first; the first one hashes, the rest only find what was stored under them. */
  readonly keys: readonly Uint8Array[];
}

/** The secrets of a running server, which can be changed while it runs. */
export interface TelemetrySecrets {
  current(): TelemetrySecret;
  /**
   * Puts a new secret in front. Older ones stay until `forget`: a device counts as a new one from now on, and is still found
   * for export, erasure and repeats. In use once it is on disk. Throws STATE_CONFLICT with too many kept.
   */
  rotate(now: Date): Promise<TelemetrySecret>;
  /**
   * Drops the secrets that nothing stored can be under: those replaced before `since`, the start of the oldest month still
   * kept. Answers how many.
   */
  forget(since: Date): Promise<number>;
}

/**
 * Opens `{dir}/telemetry-secret`, and makes it (mode 0600, synced) at the first start. Throws for a file that is not
 * readable as one: a new secret in its place would forget every device, so that is the operator's decision.
 */
export async function openTelemetrySecrets(dir: string, now: Date): Promise<TelemetrySecrets> {
  const path = join(dir, FILE);
  await makeKeyFile(path, () => textOf([newSecret(now)]));
  await chmod(path, 0o600);
  let { secrets } = parseSecrets(path, await readFile(path, 'utf8'));
  let keys = keysOf(secrets);
  const replace = async (next: SecretFile['secrets']): Promise<void> => {
    await replaceWhole(path, { text: textOf(next), mode: 0o600 });
    secrets = next;
    keys = keysOf(next);
  };
  // One change after the other: each goes out from what the last one left.
  const inTurn = createTurns();
  return {
    current: () => keys,
    rotate: (at) =>
      inTurn(path, async () => {
        if (secrets.length >= MAX_SECRETS) throw tooMany();
        await replace([newSecret(at), ...secrets]);
        return keys;
      }),
    forget: (since) =>
      inTurn(path, async () => {
        // A secret was in use until the one before it in the list was made.
        const kept = secrets.filter(
          (_, index) => index === 0 || Date.parse(secrets[index - 1]?.created_at ?? '') >= since.getTime(),
        );
        const forgotten = secrets.length - kept.length;
        if (forgotten > 0) await replace(kept);
        return forgotten;
      }),
  };
}

function textOf(secrets: SecretFile['secrets']): string {
  return `${JSON.stringify({ secrets } satisfies SecretFile, null, 2)}\n`;
}

function keysOf(secrets: SecretFile['secrets']): TelemetrySecret {
  return { keys: secrets.map((secret) => Buffer.from(secret.key, 'base64')) };
}

function tooMany(): DomainError {
  return new DomainError(
    'STATE_CONFLICT',
    `${MAX_SECRETS} telemetry secrets are still in use for what was stored under them. Wait until the oldest month of raw telemetry is dropped.`,
  );
}

/**
 * What is stored of a device: 16 bytes of HMAC-SHA-256 over app and id, under each secret, the current one first. The app
 * is in it, so that even a device that sends every app the same id cannot be followed from app to app.
 */
export function deviceHashes(secret: TelemetrySecret, appId: string, deviceId: string): Uint8Array[] {
  return secret.keys.map((key) =>
    createHmac('sha256', preparedKey(key)).update(`${appId}\n${deviceId}`).digest().subarray(0, 16),
  );
}

/** Keys as the hash takes them: preparing one anew costs five times the hash itself. */
const prepared = new WeakMap<Uint8Array, KeyObject>();

/** The key as `createHmac` takes it. */
export function preparedKey(key: Uint8Array): KeyObject {
  const known = prepared.get(key);
  if (known !== undefined) return known;
  const made = createSecretKey(key);
  prepared.set(key, made);
  return made;
}

function newSecret(now: Date): SecretFile['secrets'][number] {
  return { created_at: now.toISOString(), key: randomBytes(SECRET_BYTES).toString('base64') };
}

function parseSecrets(path: string, text: string): SecretFile {
  try {
    return secretFile.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(
      `${path} is not a telemetry secret file. Restore it from a backup, or remove it to begin with a new one.`,
      { cause },
    );
  }
}
