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

/** A repository of one package, from its root down; its timestamp is that of `metadataPart`. */
function chainPart() {
  const timestamp = metadataPart();
  const keyOf = (seed: number) => {
    const pair = ed25519(Buffer.alloc(32, seed));
    const key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: pair.raw.toString('hex') } };
    return { pair, key, id: sha256(canonical(key)).toString('hex'), seed: Buffer.alloc(32, seed).toString('hex') };
  };
  const keys = { root: keyOf(3), snapshot: keyOf(4), targets: keyOf(5), bins: keyOf(6) };
  const file = (name: string, { pair, id, seed }: ReturnType<typeof keyOf>, signed: object) => {
    const bytes = canonical(signed);
    return {
      name,
      key_seed_hex: seed,
      key_id: id,
      signed_canonical_base64: Buffer.from(bytes).toString('base64'),
      signed_canonical_sha256: sha256(bytes).toString('hex'),
      file: { signatures: [{ keyid: id, sig: pair.sign(bytes).toString('hex') }], signed },
    };
  };
  const version = timestamp.signed.version;
  const common = (type: string, expires: string) => ({ _type: type, spec_version: '1.0.31', version, expires });
  const role = (id: string) => ({ keyids: [id], threshold: 1 });
  const { path } = targetPart();
  const { link } = pinPart();
  const { makes, makes_sha256: hash } = deltaPart();
  const facts = {
    v: 1,
    version: '1.2.0',
    min_mosis_version: '1.0.0',
    permissions: ['storage'],
    signer_key_id: link.key_ids[0],
    pins: [link],
    rollouts: { stable: { seed: rolloutPart().seed_hex, basis_points: 2_500, state: 'active' } },
    rollbacks: [],
  };
  return {
    now: '2026-09-21T14:14:00Z',
    root: file('1.root.json', keys.root, {
      ...common('root', '2027-09-21T14:13:20Z'),
      version: 1,
      consistent_snapshot: true,
      keys: {
        [keys.root.id]: keys.root.key,
        [timestamp.key_id]: timestamp.key,
        [keys.snapshot.id]: keys.snapshot.key,
        [keys.targets.id]: keys.targets.key,
      },
      roles: {
        root: role(keys.root.id),
        timestamp: role(timestamp.key_id),
        snapshot: role(keys.snapshot.id),
        targets: role(keys.targets.id),
      },
    }),
    snapshot: file(`${version}.snapshot.json`, keys.snapshot, {
      ...common('snapshot', '2026-09-28T14:13:20Z'),
      meta: { 'targets.json': { version }, 'bin-1.json': { version } },
    }),
    targets: file(`${version}.targets.json`, keys.targets, {
      ...common('targets', '2026-12-20T14:13:20Z'),
      targets: {},
      delegations: {
        keys: { [keys.bins.id]: keys.bins.key },
        succinct_roles: { ...role(keys.bins.id), bit_length: 4, name_prefix: 'bin' },
      },
    }),
    bin: file(`${version}.bin-1.json`, keys.bins, {
      ...common('targets', '2026-12-20T14:13:20Z'),
      targets: { [path]: { length: makes.length, hashes: { sha256: hash }, custom: { mosis: facts } } },
    }),
  };
}

/** What the document prints. */
export function workedExample() {
  return {
    metadata: metadataPart(),
    target: targetPart(),
    rollout: rolloutPart(),
    pin: pinPart(),
    chain: chainPart(),
    delta: deltaPart(),
  };
}
