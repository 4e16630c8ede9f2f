/** The chain of pinned keys: each change is signed by the set before it. */
import { describe, expect, it } from 'vitest';
import { type PinLink, pinStatementBytes, signPinLink, verifyPinChain } from '../../format/pins.ts';
import { keyIdOf, publicKeyFrom } from '../../format/signing.ts';
import { OTHER_SECRET_KEY, TEST_SECRET_KEY } from '../support/packages.ts';

const packageId = 'com.example.hello';
const first = keyIdOf(publicKeyFrom(TEST_SECRET_KEY));
const second = keyIdOf(publicKeyFrom(OTHER_SECRET_KEY));
const PLATFORM_SECRET_KEY = new Uint8Array(32).fill(9);
const platformKeys = [publicKeyFrom(PLATFORM_SECRET_KEY)];

const link1 = signPinLink({ packageId, serial: 1, keyIds: [first] }, TEST_SECRET_KEY);
const link2 = signPinLink({ packageId, serial: 2, keyIds: [second, first] }, TEST_SECRET_KEY);
const link3 = signPinLink({ packageId, serial: 3, keyIds: [second] }, OTHER_SECRET_KEY);

describe('pin chain', () => {
  it('signs package, serial and the sorted key ids, a line each', () => {
    const lines = ['mosis-pin-v1', packageId, '2', ...[first, second].sort(), ''];
    expect(new TextDecoder().decode(pinStatementBytes(link2))).toBe(lines.join('\n'));
  });

  it('ends in the set of its last link', () => {
    expect(verifyPinChain([link1, link2, link3], { packageId })).toEqual({
      ok: true,
      keyIds: [second],
      recovered: false,
    });
  });

  const bad: [string, readonly PinLink[], string, number][] = [
    ['no link', [], 'empty', 0],
    [
      'another app',
      [signPinLink({ packageId: 'com.example.other', serial: 1, keyIds: [first] }, TEST_SECRET_KEY)],
      'package',
      1,
    ],
    ['a link left out', [link1, link3], 'serial', 2],
    ['a link twice', [link1, link1], 'serial', 2],
    [
      'a first link signed from outside of its set',
      [signPinLink({ packageId, serial: 1, keyIds: [first] }, OTHER_SECRET_KEY)],
      'signer',
      1,
    ],
    [
      'a change signed by the new key only',
      [link1, signPinLink({ packageId, serial: 2, keyIds: [second] }, OTHER_SECRET_KEY)],
      'signer',
      2,
    ],
    [
      'a key added after signing',
      [link1, { ...link2, keyIds: [...link2.keyIds, `SHA256:${'A'.repeat(43)}`] }],
      'signature',
      2,
    ],
    ['an empty set', [link1, { ...link2, keyIds: [] }], 'keys', 2],
    ['a repeated key', [link1, { ...link2, keyIds: [first, first] }], 'keys', 2],
    [
      'a recovery as the first link',
      [{ ...signPinLink({ packageId, serial: 1, keyIds: [first] }, PLATFORM_SECRET_KEY), recovered: true }],
      'signer',
      1,
    ],
    ['a recovery signed by a developer', [link1, { ...link2, recovered: true }], 'signer', 2],
    [
      'the platform without the mark of a recovery',
      [link1, signPinLink({ packageId, serial: 2, keyIds: [second] }, PLATFORM_SECRET_KEY)],
      'signer',
      2,
    ],
  ];
  it.each(bad)('refuses %s', (_, links, problem, serial) => {
    expect(verifyPinChain(links, { packageId, platformKeys })).toEqual({ ok: false, problem, serial });
  });

  it('accepts a recovery by the platform and says so', () => {
    const recovered = {
      ...signPinLink({ packageId, serial: 2, keyIds: [second] }, PLATFORM_SECRET_KEY),
      recovered: true,
    };
    expect(verifyPinChain([link1, recovered], { packageId, platformKeys })).toEqual({
      ok: true,
      keyIds: [second],
      recovered: true,
    });
    expect(verifyPinChain([link1, recovered], { packageId })).toMatchObject({ ok: false, problem: 'signer' });
  });

  it('does not sign a set that no one could verify', () => {
    expect(() => signPinLink({ packageId, serial: 1, keyIds: [] }, TEST_SECRET_KEY)).toThrow(RangeError);
    expect(() => signPinLink({ packageId, serial: 0, keyIds: [first] }, TEST_SECRET_KEY)).toThrow(RangeError);
  });
});
