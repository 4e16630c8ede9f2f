/** Owns which platform keys the device trusts: from a key file, or once from the network, which it says. */
import { z } from 'zod';
import { fromBase64, toBase64 } from '../format/base64.ts';
import { decodePublicKeyPem, KeyFileError } from '../format/keys.ts';
import { checkPublicKeyPoint, keyIdOf, PUBLIC_KEY_BYTES } from '../format/signing.ts';
import { DeviceError } from './errors.ts';
import { type Network, readJson, request } from './http.ts';
import type { PlatformKey, Storage } from './storage.ts';

const MAX_ANSWER_BYTES = 64 * 1024;

const KeyList = z.object({
  keys: z
    .array(z.object({ key_id: z.string(), public_key: z.string(), status: z.string() }))
    .min(1)
    .max(32),
});

export interface ProvisionResult {
  readonly keys: readonly PlatformKey[];
  /** `network` is trust on first use: whoever answered then is believed from now on. */
  readonly source: 'file' | 'network';
}

/** Reads keys from SPKI PEM text: one or several blocks. Throws DeviceError for anything else. */
export function keysFromPem(text: string): PlatformKey[] {
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0) throw new DeviceError('PLATFORM_SIGNATURE_INVALID', 'The file has no public key in PEM.');
  return blocks.map((block) => {
    try {
      return trusted(decodePublicKeyPem(block));
    } catch (error) {
      if (error instanceof KeyFileError)
        throw new DeviceError('PLATFORM_SIGNATURE_INVALID', error.message, { cause: error });
      throw error;
    }
  });
}

/** Fetches the platform's active keys from `GET /v1/keys`. */
export async function keysFromNetwork(network: Network): Promise<PlatformKey[]> {
  const response = await request(network, `${network.serverUrl}/v1/keys`);
  const list = response.status === 200 ? KeyList.safeParse(await readJson(response, MAX_ANSWER_BYTES)) : null;
  if (list === null || !list.success)
    throw new DeviceError(
      'PROTOCOL',
      `${network.serverUrl}/v1/keys answered ${response.status} without platform keys.`,
    );
  const keys: PlatformKey[] = [];
  for (const key of list.data.keys) {
    if (key.status.toLowerCase() === 'compromised') continue;
    const raw = publicKeyOf(key.public_key);
    if (raw === null || keyIdOf(raw) !== key.key_id)
      throw new DeviceError('PROTOCOL', 'A platform key of the server is malformed or has another id than it says.');
    keys.push(trusted(raw));
  }
  if (keys.length === 0) throw new DeviceError('PROTOCOL', 'The server has no platform key in force.');
  return keys;
}

/** Replaces the trusted keys; asking for it again is a decision of the device's owner, never of a server. */
export async function provision(storage: Storage, serverUrl: string, keys: readonly PlatformKey[]): Promise<void> {
  await storage.writeProvisioning({ serverUrl, keys: [...keys] });
}

/** Base64 of the raw key or SPKI PEM. */
function publicKeyOf(text: string): Uint8Array | null {
  if (!text.includes('-----BEGIN')) return fromBase64(text.trim(), PUBLIC_KEY_BYTES);
  try {
    return decodePublicKeyPem(text);
  } catch (error) {
    if (error instanceof KeyFileError) return null;
    throw error;
  }
}

function trusted(publicKey: Uint8Array): PlatformKey {
  const problem = checkPublicKeyPoint(publicKey);
  if (problem !== null) throw new DeviceError('PLATFORM_SIGNATURE_INVALID', `A platform key is refused: ${problem}.`);
  return { keyId: keyIdOf(publicKey), publicKey: toBase64(publicKey) };
}
