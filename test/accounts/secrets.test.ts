/** How secrets are written: evenly, with a checksum that finds mistakes. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  checksum,
  equalSecrets,
  isWellFormedSecret,
  makeSecret,
  randomBase62,
  randomUserCode,
  USER_CODE_ALPHABET,
} from '../../server/accounts/secrets.ts';

describe('secrets', () => {
  it('use every character equally often, whatever byte comes', () => {
    const everyByte = () => Uint8Array.from({ length: 256 }, (_, i) => i);
    const counts = Map.groupBy(randomBase62(everyByte, 248), (character) => character);
    expect(counts.size).toBe(62);
    expect(new Set([...counts.values()].map((list) => list.length))).toEqual(new Set([4]));
  });

  it('have user codes of eight of the twenty consonants only', () => {
    const seen = new Set(Array.from({ length: 200 }, () => randomUserCode(randomBytes)).join(''));
    expect([...seen].sort().join('')).toBe(USER_CODE_ALPHABET);
    expect(randomUserCode(randomBytes)).toHaveLength(8);
  });

  it('end in a checksum that finds every single changed character and every swap', () => {
    const secret = makeSecret(randomBytes, 'mk_');
    expect(isWellFormedSecret(secret, 'mk_')).toBe(true);
    for (let i = 3; i < secret.length; i += 1) {
      const changed = `${secret.slice(0, i)}${secret[i] === 'x' ? 'y' : 'x'}${secret.slice(i + 1)}`;
      expect(isWellFormedSecret(changed, 'mk_')).toBe(false);
      const swapped = `${secret.slice(0, i - 1)}${secret[i]}${secret[i - 1]}${secret.slice(i + 1)}`;
      if (swapped !== secret) expect(isWellFormedSecret(swapped, 'mk_')).toBe(false);
    }
    expect(isWellFormedSecret(secret, 'mc_')).toBe(false);
  });

  it('have the CRC-32 of the standard in base 62', () => {
    // CRC-32 of "123456789" is 0xcbf43926 = 3421780262.
    const digits = [...checksum('123456789')].map((digit) =>
      '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.indexOf(digit),
    );
    expect(digits.reduce((value, digit) => value * 62 + digit, 0)).toBe(0xcbf43926);
  });

  it('are compared whole', () => {
    expect([equalSecrets('a', 'a'), equalSecrets('a', 'b'), equalSecrets('a', 'aa'), equalSecrets('', '')]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});
