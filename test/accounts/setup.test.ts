/** How an empty installation gets its first admin, once. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccountsWorld, ANONYMOUS, codeOf, createAccountsWorld, HOME, MINUTE_MS, PASSWORD } from './world.ts';

let world: AccountsWorld;
beforeEach(async () => {
  world = await createAccountsWorld();
});
afterEach(() => world.dispose());

const grace = { email: 'grace@example.org', name: 'Grace', password: PASSWORD };
const tokenPath = () => join(world.folder, 'setup-token');

async function prepare(): Promise<string> {
  const prepared = await world.accounts.setup.prepare();
  if (prepared === null) throw new Error('No set-up is needed');
  return new URL(prepared.url).hash.replace('#token=', '');
}

describe('set-up', () => {
  it('writes the token that the link carries into a file that only its owner can read', async () => {
    const token = await prepare();
    expect(token).toMatch(/^[0-9A-Za-z]{43}$/);
    expect((await readFile(tokenPath(), 'utf8')).trim()).toBe(token);
    expect((await stat(tokenPath())).mode & 0o777).toBe(0o600);
  });

  it('keeps the token over a restart, and replaces a damaged one', async () => {
    const token = await prepare();
    expect(await prepare()).toBe(token);
    await writeFile(tokenPath(), 'short');
    expect(await prepare()).not.toBe(token);
  });

  it('makes the first admin, signs them in, removes the file and is over', async () => {
    const token = await prepare();
    expect(await world.accounts.setup.needed()).toBe(true);
    const { viewer } = await world.accounts.setup.complete({ ...grace, token }, HOME);
    expect(viewer).toMatchObject({ admin: true, reviewer: false, credential: { kind: 'SESSION' } });
    expect(await world.accounts.setup.needed()).toBe(false);
    expect(await codeOf(world.accounts.setup.complete({ ...grace, email: 'b@example.org', token }, HOME))).toBe(
      'SETUP_DONE',
    );
    await expect(stat(tokenPath())).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await world.accounts.setup.prepare()).toBeNull();
    expect(
      await world.db.prisma.auditLog.count({ where: { action: 'admin.setup', actorId: viewer.developerId } }),
    ).toBe(1);
  });

  it('works once even when many use the token at once', async () => {
    const token = await prepare();
    const codes = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        codeOf(world.accounts.setup.complete({ ...grace, email: `g${i}@example.org`, token }, HOME)),
      ),
    );
    expect(codes.sort()).toEqual(['SETUP_DONE', 'SETUP_DONE', 'SETUP_DONE', 'SETUP_DONE', 'SETUP_DONE', 'done']);
    expect(await world.db.prisma.developer.count()).toBe(1);
  });

  it('makes nobody admin who only registers first', async () => {
    await prepare();
    const { viewer } = await world.accounts.signUp(grace, HOME);
    expect(viewer.admin).toBe(false);
    expect(await world.accounts.setup.needed()).toBe(true);
  });

  it('refuses a wrong token and bounds the tries', async () => {
    const token = await prepare();
    const codes: string[] = [];
    for (let i = 0; i < 11; i += 1) {
      codes.push(await codeOf(world.accounts.setup.complete({ ...grace, token: `${token.slice(0, -1)}-` }, HOME)));
    }
    expect(codes.slice(0, 10).every((code) => code === 'SETUP_TOKEN_WRONG')).toBe(true);
    expect(codes[10]).toBe('RATE_LIMITED');
    expect(await codeOf(world.accounts.setup.complete({ ...grace, token }, HOME))).toBe('RATE_LIMITED');
    world.clock.advance(15 * MINUTE_MS);
    expect(await codeOf(world.accounts.setup.complete({ ...grace, token }, HOME))).toBe('done');
  });

  it('refuses every token while there is no file', async () => {
    for (const token of ['', 'null', 'undefined']) {
      expect(await codeOf(world.accounts.setup.complete({ ...grace, token }, HOME))).toBe('SETUP_TOKEN_WRONG');
    }
  });

  it('does not take over an account that exists, and stays possible after a refused password', async () => {
    const token = await prepare();
    await world.accounts.signUp(grace, HOME);
    expect(
      await codeOf(world.accounts.setup.complete({ ...grace, password: 'another fine phrase', token }, HOME)),
    ).toBe('EMAIL_TAKEN');
    expect(
      await codeOf(
        world.accounts.setup.complete({ ...grace, email: 'root@example.org', password: 'password', token }, HOME),
      ),
    ).toBe('PASSWORD_REFUSED');
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, grace, HOME))).toBe('done');
    expect(await codeOf(world.accounts.setup.complete({ ...grace, email: 'root@example.org', token }, HOME))).toBe(
      'done',
    );
  });
});
