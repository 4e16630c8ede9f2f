/**
 * Owns the worked example of docs/DEVICE_PROTOCOL.md §8, computed with nothing but Node's own crypto, from the words of the document:
 * what the client makes of the same inputs is compared in `protocol.test.ts`.
 */
import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest();

/** A private key of a raw 32-byte seed (RFC 8032), in the DER of PKCS #8. */
function ed25519(seed: Buffer) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  return { raw, sign: (message: string | Uint8Array) => sign(null, Buffer.from(message), key) };
}

/** The canonical JSON of §4, for values of ASCII keys. */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([name, each]) => `${canonical(name)}:${canonical(each)}`).join()}}`;
  }
  return String(value);
}

const PACKAGE_ID = 'com.example.notes';

function metadataPart() {
  const pair = ed25519(Buffer.alloc(32, 1));
  const key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: pair.raw.toString('hex') } };
  const keyId = sha256(canonical(key)).toString('hex');
  const signed = {
    _type: 'timestamp',
    spec_version: '1.0.31',
    version: 1_790_000_000,
    expires: '2026-09-22T15:33:20Z',
    meta: { 'snapshot.json': { version: 1_790_000_000 } },
    'x-note': 'a "quote", a \\ and a line\nfeed: é',
  };
  const signedBytes = canonical(signed);
  return {
    key_seed_hex: Buffer.alloc(32, 1).toString('hex'),
    key,
    key_canonical: canonical(key),
    key_id: keyId,
    signed,
    signed_canonical_base64: Buffer.from(signedBytes).toString('base64'),
    signed_canonical_sha256: sha256(signedBytes).toString('hex'),
    signature: { keyid: keyId, sig: pair.sign(signedBytes).toString('hex') },
  };
}

function targetPart() {
  const path = `${PACKAGE_ID}/14/package.mosis`;
  const digest = sha256(path).toString('hex');
  return {
    path,
    path_sha256: digest,
    bins: { 4: `bin-${digest.slice(0, 1)}`, 8: `bin-${digest.slice(0, 2)}`, 12: `bin-${digest.slice(0, 3)}` },
  };
}

function rolloutPart() {
  const secret = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
  const number = createHmac('sha256', secret).update('mosis-rollout-v1').digest();
  const seed = Buffer.alloc(32, 0xab);
  const first8 = sha256(Buffer.concat([seed, number])).subarray(0, 8);
  const least = Number((first8.readBigUInt64BE() * 10_000n) >> 64n) + 1;
  return {
    device_secret_hex: secret.toString('hex'),
    device_number_hex: number.toString('hex'),
    telemetry_device_id: createHmac('sha256', secret).update(PACKAGE_ID).digest('hex'),
    seed_hex: seed.toString('hex'),
    first_8_bytes_hex: first8.toString('hex'),
    least_basis_points_that_reach: least,
  };
}

function pinPart() {
  const pair = ed25519(Buffer.alloc(32, 2));
  const keyId = `SHA256:${sha256(pair.raw).toString('base64url')}`;
  const statement = `mosis-pin-v1\n${PACKAGE_ID}\n1\n${keyId}\n`;
  return {
    key_seed_hex: Buffer.alloc(32, 2).toString('hex'),
    statement,
    link: {
      serial: 1,
      key_ids: [keyId],
      public_key: pair.raw.toString('base64'),
      signature: pair.sign(statement).toString('base64'),
      recovered: false,
    },
  };
}

/** Made once by the server's own encoder: other versions of zstd may write other frames that mean the same. */
const DELTA_BASE64 = 'XipNGCAAAAAC7DsmeFUe2TBRNvqRR9vhN6jc/iY6ufMymzQ4lbuOfSi1L/0gUo0AAEBUbm90aGVyIAIAVRymRwpX';

function deltaPart() {
  const dictionary = 'The installed package, as it lies in state/bases. Here it is a line of text.';
  const made = 'The installed package, as it lies in state/bases. Here it is another line of text.';
  return {
    dictionary,
    available_dictionary: `:${sha256(dictionary).toString('base64')}:`,
    dcz_base64: DELTA_BASE64,
    repr_digest: `sha-256=:${sha256(Buffer.from(DELTA_BASE64, 'base64')).toString('base64')}:`,
    makes: made,
    makes_sha256: sha256(made).toString('hex'),
    most_window_bytes_by_dictionary_bytes: { 1048576: 8388608, 10485760: 13107200, 209715200: 134217728 },
  };
}

/** What the document prints. */
export function workedExample() {
  return {
    metadata: metadataPart(),
    target: targetPart(),
    rollout: rolloutPart(),
    pin: pinPart(),
    delta: deltaPart(),
  };
}
