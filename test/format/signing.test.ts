/** Strict Ed25519: the vectors of RFC 8032 and the edge cases on which libraries disagree. */
import { Point } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packageSignedBytes, signPackage, verifyPackageSignature } from '../../format/package-signature.ts';
import {
  formatPlatformSignature,
  parsePlatformSignature,
  platformStatementBytes,
  signPlatformStatement,
  verifyPlatformStatement,
} from '../../format/platform-statement.ts';
import { sha256Files } from '../../format/sha256.ts';
import {
  checkPublicKeyPoint,
  hashFiles,
  keyIdOf,
  publicKeyFrom,
  signBytes,
  verifyBytes,
} from '../../format/signing.ts';
import { concat, goodFiles, OTHER_SECRET_KEY, TEST_SECRET_KEY, utf8 } from '../support/packages.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const FIELD = 2n ** 255n - 19n;

function little(value: bigint): Uint8Array {
  return hex(value.toString(16).padStart(64, '0')).reverse();
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

/** RFC 8032 §7.1: TEST 1, 2, 3 and SHA(abc). */
const RFC_8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  ],
] as const;

describe('RFC 8032', () => {
  it.each(RFC_8032)('secret key %s', (secret, publicKey, message, signature) => {
    expect(Buffer.from(publicKeyFrom(hex(secret))).toString('hex')).toBe(publicKey);
    expect(Buffer.from(signBytes(hex(message), hex(secret))).toString('hex')).toBe(signature);
    expect(verifyBytes(hex(message), hex(signature), hex(publicKey))).toBe(true);
  });
});

const message = utf8('message');
const publicKey = publicKeyFrom(TEST_SECRET_KEY);
const signature = signBytes(message, TEST_SECRET_KEY);
const signatureR = signature.slice(0, 32);
const signatureS = numberOf(signature.slice(32));

/** The eight points of small order, encoded canonically. */
const SMALL_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
];

/** Encodings with y at or above the field prime, or a sign without an x. */
const NOT_CANONICAL = [
  little(FIELD),
  little(FIELD + 1n),
  little(2n ** 255n - 1n),
  little(2n ** 256n - 1n),
  hex('0100000000000000000000000000000000000000000000000000000000000080'),
  hex('ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'),
  hex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'),
  hex('eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'),
];

const torsion = Point.fromHex(SMALL_ORDER[4] ?? '');

describe('points that are refused', () => {
  it.each(SMALL_ORDER)('small order %s', (encoded) => {
    expect(checkPublicKeyPoint(hex(encoded))).toBe('small-order');
    // With such a key, R = [S]B - [k]A is met by R = A and S = 0 for one message in eight, whoever signs.
    for (let i = 0; i < 16; i += 1) {
      expect(verifyBytes(utf8(`message ${i}`), concat([hex(encoded), new Uint8Array(32)]), hex(encoded))).toBe(false);
    }
  });

  it.each(NOT_CANONICAL)('encoding that is not canonical (%#)', (encoded) => {
    expect(checkPublicKeyPoint(encoded)).toBe('encoding');
    expect(verifyBytes(message, concat([encoded, little(signatureS)]), publicKey)).toBe(false);
  });

  it.each(Array.from({ length: 7 }, (_, i) => i + 1))('mixed order: a key plus torsion point %i', (times) => {
    let mixed = Point.fromBytes(publicKey);
    for (let i = 0; i < times; i += 1) mixed = mixed.add(torsion);
    expect(checkPublicKeyPoint(mixed.toBytes())).toBe('mixed-order');
    expect(verifyBytes(message, signature, mixed.toBytes())).toBe(false);
  });

  it('a point off the curve, and a wrong length', () => {
    expect(checkPublicKeyPoint(little(2n))).toBe('encoding');
    expect(checkPublicKeyPoint(publicKey.subarray(1))).toBe('length');
    expect(checkPublicKeyPoint(concat([publicKey, publicKey]))).toBe('length');
  });

  it('a mixed-order R, although the cofactored equation holds', () => {
    const mixed = Point.fromBytes(signatureR).add(torsion).toBytes();
    const secret = scalarOf(TEST_SECRET_KEY);
    const nonce = modOrder(signatureS - challenge(signatureR) * secret);
    const forged = concat([mixed, little(modOrder(nonce + challenge(mixed) * secret))]);
    expect(verifyBytes(message, forged, publicKey)).toBe(false);
  });

  it('R of small order, made by the holder of the key', () => {
    for (const encoded of SMALL_ORDER) {
      const scalar = modOrder(challenge(hex(encoded)) * scalarOf(TEST_SECRET_KEY));
      expect(verifyBytes(message, concat([hex(encoded), little(scalar)]), publicKey)).toBe(false);
    }
  });

  it('accepts an ordinary key', () => {
    expect(checkPublicKeyPoint(publicKey)).toBeNull();
    expect(verifyBytes(message, signature, publicKey)).toBe(true);
  });
});

function modOrder(value: bigint): bigint {
  return ((value % ORDER) + ORDER) % ORDER;
}

function scalarOf(secretKey: Uint8Array): bigint {
  const head = sha512(secretKey).slice(0, 32);
  head[0] = (head[0] ?? 0) & 248;
  head[31] = ((head[31] ?? 0) & 127) | 64;
  return numberOf(head);
}

function challenge(r: Uint8Array): bigint {
  return modOrder(numberOf(sha512(concat([r, publicKey, message]))));
}

describe('signatures that are refused', () => {
  it('S plus multiples of the order', () => {
    for (let times = 1n; signatureS + times * ORDER < 2n ** 256n; times += 1n) {
      expect(verifyBytes(message, concat([signatureR, little(signatureS + times * ORDER)]), publicKey)).toBe(false);
    }
  });

  it('every pairing of edge values for R and S', () => {
    const edges = [
      0n,
      1n,
      ORDER - 1n,
      ORDER,
      ORDER + 1n,
      FIELD - 1n,
      FIELD,
      FIELD + 1n,
      2n ** 255n,
      2n ** 256n - 1n,
    ].map(little);
    for (const r of edges) for (const s of edges) expect(verifyBytes(message, concat([r, s]), publicKey)).toBe(false);
  });

  it.each([
    ['empty', new Uint8Array()],
    ['only R', signatureR],
    ['a byte short', signature.subarray(0, 63)],
    ['a byte long', concat([signature, Uint8Array.of(0)])],
    ['twice', concat([signature, signature])],
    ['halves swapped', concat([little(signatureS), signatureR])],
    ['S negated', concat([signatureR, little(ORDER - signatureS)])],
    ['R negated', concat([Point.fromBytes(signatureR).negate().toBytes(), little(signatureS)])],
  ])('%s', (_, bytes) => {
    expect(verifyBytes(message, bytes, publicKey)).toBe(false);
  });

  it('another message, another key', () => {
    expect(verifyBytes(utf8('massage'), signature, publicKey)).toBe(false);
    expect(verifyBytes(message, signature, publicKeyFrom(OTHER_SECRET_KEY))).toBe(false);
  });

  it('any flipped bit', () => {
    fc.assert(
      fc.property(fc.nat({ max: 511 }), (bit) => {
        const flipped = Uint8Array.from(signature);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(verifyBytes(message, flipped, publicKey)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

describe('package signature', () => {
  it('covers what sha256sum prints, sorted by path bytes, without the signature itself', () => {
    const files = new Map([
      ['b.txt', utf8('b')],
      ['\u{1f600}.txt', utf8('')],
      ['signature.sig', utf8('x')],
      ['\uff5a.txt', utf8('')],
      ['a.txt', utf8('a')],
    ]);
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    expect(new TextDecoder().decode(packageSignedBytes(files))).toBe(
      [
        'mosis-package-v1',
        'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.txt',
        '3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b.txt',
        `${empty}  \uff5a.txt`,
        `${empty}  \u{1f600}.txt`,
        '',
      ].join('\n'),
    );
  });

  it('is the same from bytes and from hashes, in the browser and in Node', () => {
    const files = goodFiles({ secretKey: null });
    expect(hashFiles(files)).toEqual(sha256Files(files));
    expect(signPackage(files, TEST_SECRET_KEY)).toEqual(signPackage(sha256Files(files), TEST_SECRET_KEY));
  });

  it('says who signed', () => {
    const files = goodFiles();
    const verdict = verifyPackageSignature(files, files.get('signature.sig') ?? new Uint8Array());
    expect(verdict).toEqual({ ok: true, keyId: keyIdOf(publicKey), publicKey });
    expect(keyIdOf(publicKey)).toMatch(/^SHA256:[A-Za-z0-9_-]{43}$/);
  });

  it('never verifies after any byte of any file changed', () => {
    const files = goodFiles();
    const signed = files.get('signature.sig') ?? new Uint8Array();
    const paths = [...files.keys()].filter((path) => path !== 'signature.sig');
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.nat(), fc.integer({ min: 1, max: 255 }), (path, at, difference) => {
        const bytes = Uint8Array.from(files.get(path) ?? []);
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ difference;
        expect(verifyPackageSignature(new Map([...files, [path, bytes]]), signed)).toMatchObject({
          ok: false,
          finding: { code: 'SIGNATURE_INVALID' },
        });
      }),
      { numRuns: 40 },
    );
  });

  it('never verifies after two files swapped names', () => {
    const files = goodFiles();
    const swapped = new Map(files);
    swapped.set('assets/main.lua', files.get('assets/main.rcss') ?? new Uint8Array());
    swapped.set('assets/main.rcss', files.get('assets/main.lua') ?? new Uint8Array());
    expect(verifyPackageSignature(swapped, files.get('signature.sig') ?? new Uint8Array()).ok).toBe(false);
  });
});

describe('platform statement', () => {
  const statement = { packageId: 'com.example.hello', versionCode: 7, size: 1234, sha256: 'ab'.repeat(32) };

  it('is exactly the five lines of the contract', () => {
    expect(new TextDecoder().decode(platformStatementBytes(statement))).toBe(
      `mosis-platform-v1\ncom.example.hello\n7\n1234\n${'ab'.repeat(32)}\n`,
    );
  });

  it('verifies through its header, and for nothing else', () => {
    const header = formatPlatformSignature(signPlatformStatement(statement, TEST_SECRET_KEY));
    const parsed = parsePlatformSignature(header);
    if (parsed === null) throw new Error('the header must parse');
    expect(verifyPlatformStatement(statement, parsed, publicKey)).toBe(true);
    expect(verifyPlatformStatement({ ...statement, versionCode: 8 }, parsed, publicKey)).toBe(false);
    expect(verifyPlatformStatement({ ...statement, size: 1235 }, parsed, publicKey)).toBe(false);
    expect(verifyPlatformStatement(statement, parsed, publicKeyFrom(OTHER_SECRET_KEY))).toBe(false);
    expect(verifyPlatformStatement(statement, { ...parsed, keyId: keyIdOf(OTHER_SECRET_KEY) }, publicKey)).toBe(false);
  });

  it.each(['', '.', 'SHA256:abc.AAAA', `x.${'A'.repeat(86)}==`, `SHA256:${'a'.repeat(43)}.${'A'.repeat(85)}B==`])(
    'refuses the header %s',
    (header) => {
      expect(parsePlatformSignature(header)).toBeNull();
    },
  );
});
