/** Signing keys of an account: which are taken, how they end, and what a compromise sets off. */
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodePublicKeyPem } from '../../format/keys.ts';
import { keyIdOf, publicKeyFrom } from '../../format/signing.ts';
import { DomainError } from '../../server/errors.ts';
import { type AccountsWorld, codeOf, createAccountsWorld, DAY_MS, HOME, type Person } from './world.ts';

let world: AccountsWorld;
let ada: Person;
beforeEach(async () => {
  world = await createAccountsWorld();
  ada = await world.person('Ada');
});
afterEach(() => world.dispose());

const publicKey = (seed: number) => publicKeyFrom(new Uint8Array(32).fill(seed));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const register = (text: string, person = ada) =>
  world.accounts.signingKeys.register(person.viewer, { name: 'Laptop', publicKey: text }, HOME);
const end = (signingKeyId: string, ending: string, since?: Date, person = ada) =>
  world.accounts.signingKeys.end(person.viewer, { signingKeyId, ending, since }, HOME);

describe('registering a signing key', () => {
  it('takes SPKI PEM and raw base64 as the same key, once', async () => {
    const bytes = publicKey(1);
    const { signingKey } = await register(encodePublicKeyPem(bytes));
    expect(signingKey).toMatchObject({ keyId: keyIdOf(bytes), publicKey: base64(bytes), status: 'ACTIVE' });
    const bob = await world.person('Bob');
    expect(await codeOf(register(base64(bytes)))).toBe('KEY_TAKEN');
    expect(await codeOf(register(base64(bytes), bob))).toBe('KEY_TAKEN');
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString();
  const x25519 = generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const secret = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const hex = (text: string) => base64(Buffer.from(text, 'hex'));
  it.each([
    ['the neutral element', hex(`01${'00'.repeat(31)}`)],
    ['the point of order 2', hex(`ec${'ff'.repeat(30)}7f`)],
    ['the points of order 4', hex('00'.repeat(32))],
    ['a point of order 8', hex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')],
    ['another point of order 8', hex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')],
    ['an encoding that is not canonical', hex(`ee${'ff'.repeat(30)}7f`)],
    ['bytes that are no point', hex(`02${'00'.repeat(31)}`)],
    ['a small-order point as PEM', encodePublicKeyPem(new Uint8Array(32))],
    ['an RSA key', rsa],
    ['an X25519 key', x25519],
    ['a private key', secret],
    ['31 bytes', base64(new Uint8Array(31).fill(9))],
    [
      'base64 with bits left over',
      `${base64(publicKey(1)).slice(0, -2)}${base64(publicKey(1)).at(-2) === 'B' ? 'C' : 'B'}=`,
    ],
    ['text', 'ssh-ed25519 AAAA'],
  ])('refuses %s', async (_, text) => {
    expect(await codeOf(register(text))).toBe('KEY_INVALID');
    expect(await world.db.prisma.signingKey.count()).toBe(0);
  });

  it('is bounded by twenty active keys', async () => {
    const first = await register(base64(publicKey(1)));
    for (let seed = 2; seed <= 20; seed += 1) await register(base64(publicKey(seed)));
    expect(await codeOf(register(base64(publicKey(21))))).toBe('LIMIT_REACHED');
    await end(first.signingKey.id, 'RETIRED');
    expect(await codeOf(register(base64(publicKey(21))))).toBe('done');
  });

  it('is not done through an API key, but through the CLI it is', async () => {
    const { secret: key } = await world.accounts.apiKeys.create(
      ada.viewer,
      { name: 'CI', scopes: ['apps:write'] },
      HOME,
    );
    const input = { name: 'Laptop', publicKey: base64(publicKey(1)) };
    expect(await codeOf(world.accounts.signingKeys.register(await world.byBearer(key), input, HOME))).toBe('FORBIDDEN');
    expect(await codeOf(world.accounts.signingKeys.register((await world.cli(ada)).viewer, input, HOME))).toBe('done');
  });
});

describe('ending a signing key', () => {
  it('retires it, which takes nothing back', async () => {
    const { signingKey } = await register(base64(publicKey(1)));
    expect((await end(signingKey.id, 'RETIRED')).signingKey).toMatchObject({
      status: 'RETIRED',
      endedAt: world.clock.now(),
    });
    expect(world.compromised).toEqual([]);
    expect(await codeOf(end(signingKey.id, 'RETIRED'))).toBe('KEY_ENDED');
  });

  it('only ever makes it worse: retired, compromised, compromised for longer', async () => {
    const { signingKey } = await register(base64(publicKey(1)));
    const registered = world.clock.now();
    world.clock.advance(10 * DAY_MS);
    await end(signingKey.id, 'RETIRED');
    const since = new Date(world.clock.ms() - DAY_MS);
    const worse = await end(signingKey.id, 'COMPROMISED', since);
    expect(worse.signingKey).toMatchObject({
      status: 'COMPROMISED',
      compromisedSince: since,
      endedAt: world.clock.now(),
    });
    expect(await codeOf(end(signingKey.id, 'COMPROMISED', since))).toBe('KEY_ENDED');
    expect(await codeOf(end(signingKey.id, 'COMPROMISED', world.clock.now()))).toBe('KEY_ENDED');
    expect(await codeOf(end(signingKey.id, 'RETIRED'))).toBe('KEY_ENDED');
    await end(signingKey.id, 'COMPROMISED');
    expect(world.compromised).toEqual([
      { keyId: signingKey.keyId, since },
      { keyId: signingKey.keyId, since: registered },
    ]);
  });

  it('changes nothing when what follows from it fails', async () => {
    const failing = await createAccountsWorld({
      onKeyCompromised: async () => {
        throw new DomainError('CONFLICT', 'The versions could not be taken back.');
      },
    });
    try {
      const person = await failing.person('Ada');
      const { signingKey } = await failing.accounts.signingKeys.register(
        person.viewer,
        { name: 'Laptop', publicKey: base64(publicKey(1)) },
        HOME,
      );
      const input = { signingKeyId: signingKey.id, ending: 'COMPROMISED' };
      expect(await codeOf(failing.accounts.signingKeys.end(person.viewer, input, HOME))).toBe('CONFLICT');
      expect((await failing.accounts.signingKeys.list(person.viewer.developerId))[0]?.status).toBe('ACTIVE');
      expect(await failing.db.prisma.auditLog.count({ where: { action: 'signing_key.compromise' } })).toBe(0);
    } finally {
      await failing.dispose();
    }
  });

  it('refuses a time in the future, a time for a retired key, and keys of others', async () => {
    const bob = await world.person('Bob');
    const { signingKey } = await register(base64(publicKey(1)));
    const later = new Date(world.clock.ms() + 1);
    expect(await codeOf(end(signingKey.id, 'COMPROMISED', later))).toBe('VALIDATION');
    expect(await codeOf(end(signingKey.id, 'RETIRED', world.clock.now()))).toBe('VALIDATION');
    expect(await codeOf(end(signingKey.id, 'RETIRED', undefined, bob))).toBe('NOT_FOUND');
  });
});
