/** Owns the server's telemetry secrets and the keyed hash of device ids. A device id goes no further than this file's functions. */
import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const FILE = 'telemetry-secret';
const SECRET_BYTES = 32;

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

/**
 * Reads `{dir}/telemetry-secret`, and makes it (mode 0600, synced) at the first start. Throws for a file that is not
 * readable as one: a new secret in its place would forget every device, so that is the operator's decision.
 */
export function loadTelemetrySecret(dir: string, now: Date): TelemetrySecret {
  const path = join(dir, FILE);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  let text = readIfThere(path);
  if (text === null) {
    writeSecrets(dir, { secrets: [newSecret(now)] }, 'create');
    text = readFileSync(path, 'utf8');
  }
  chmodSync(path, 0o600);
  return { keys: parseSecrets(path, text).secrets.map((secret) => Buffer.from(secret.key, 'base64')) };
}

/**
 * Puts a new secret in front; older ones stay until nothing stored under them can be left. `keepSince` is the start of
 * the oldest month still kept: a secret replaced before it is dropped. A device counts as a new one from the change on.
 */
export function rotateTelemetrySecret(dir: string, now: Date, keepSince: Date): TelemetrySecret {
  const { secrets } = parseSecrets(join(dir, FILE), readFileSync(join(dir, FILE), 'utf8'));
  const all = [newSecret(now), ...secrets];
  // A secret was in use until the one before it in the list was made.
  const kept = all.filter(
    (_, index) => index === 0 || Date.parse(all[index - 1]?.created_at ?? '') >= keepSince.getTime(),
  );
  writeSecrets(dir, { secrets: kept }, 'replace');
  return loadTelemetrySecret(dir, now);
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

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Written whole beside its place, synced, then moved there: a kill leaves the old file or the new one. */
function writeSecrets(dir: string, content: SecretFile, mode: 'create' | 'replace'): void {
  const path = join(dir, FILE);
  const draft = `${path}.${process.pid}.new`;
  rmSync(draft, { force: true });
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, `${JSON.stringify(content, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  if (mode === 'replace') renameSync(draft, path);
  else linkUnlessThere(draft, path);
  const folder = openSync(dir, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function linkUnlessThere(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  rmSync(draft, { force: true });
}
