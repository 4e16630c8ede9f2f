/** The rules on passwords: what is refused, how hashing is bounded, and that an unknown account costs the same work. */
import { describe, expect, it } from 'vitest';
import { checkPassword } from '../../server/accounts/password-policy.ts';
import { createPasswords, type PasswordHasher } from '../../server/accounts/passwords.ts';
import { DomainError } from '../../server/errors.ts';

const someone = { email: 'ada.lovelace@example.org', name: 'Ada Lovelace' };

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('the password policy', () => {
  it.each([
    ['seven characters', 'x7#kQ2p'],
    ['a common password', 'password1'],
    ['a common password in other case', 'PassWord1'],
    ['a common word with a year and a mark', 'Sunshine2024!'],
    ['a common word in leet', 'P@55w0rd'],
    ['a common word in leet, decorated', '#P4ssw0rd99'],
    ['one character repeated', 'zzzzzzzzzzzz'],
    ['a unit repeated', 'ab1ab1ab1ab1'],
    ['a run of digits', '23456789'],
    ['a run of the alphabet backwards', 'zyxwvuts'],
    ['a keyboard row', 'asdfghjkl'],
    ['the e-mail address', 'ada.lovelace@example.org'],
    ['the name with a digit', 'lovelace1'],
    ['both names', 'adalovelace'],
    ['129 characters', 'correct horse battery '.repeat(7).slice(0, 129)],
  ])('refuses %s', (_, password) => {
    expect(codeOf(() => checkPassword(password, someone))).toBe('PASSWORD_REFUSED');
  });

  it.each([
    ['eight unguessable characters', 'k7#xQ2pw'],
    ['a phrase without digits or capitals', 'teapot marmalade quorum'],
    ['letters of another alphabet', 'вечерний туман над рекой'],
    ['eight code points beyond the first plane', '🦊🍋🚲🎻🧊🪁🗿🧭'],
    ['128 characters', 'teapot marmalade quorum '.repeat(6).slice(0, 128)],
    ['the name inside something long enough', 'lovelace quorum teapot'],
    ['mostly digits around a word', '9281736450love61'],
  ])('accepts %s', (_, password) => {
    expect(codeOf(() => checkPassword(password, someone))).toBe('accepted');
  });

  it('counts characters after normalisation', () => {
    // Nine code points as typed, eight after NFKC; then eight as typed, seven after.
    expect(codeOf(() => checkPassword('e\u0301x7#Q2pw', someone))).toBe('accepted');
    expect(codeOf(() => checkPassword('e\u0301x7#Q2p', someone))).toBe('PASSWORD_REFUSED');
  });
});

describe('password hashing', () => {
  it('stores argon2id with the parameters that OWASP names, and verifies only the right password', async () => {
    const passwords = createPasswords();
    const stored = await passwords.hash('teapot marmalade');
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verify(stored, 'teapot marmalade')).toBe(true);
    expect(await passwords.verify(stored, 'teapot marmaladE')).toBe(false);
  });

  it('takes the same password in another normal form', async () => {
    const passwords = createPasswords();
    const stored = await passwords.hash('caf\u00e9 au lait');
    expect(await passwords.verify(stored, 'cafe\u0301 au lait')).toBe(true);
  });

  it('does the same work for a missing hash and never finds it right', async () => {
    const verified: string[] = [];
    const passwords = createPasswords({
      hasher: {
        hash: async (password) => `hash of ${password}`,
        verify: async (stored, password) => {
          verified.push(stored);
          return stored === `hash of ${password}`;
        },
      },
    });
    expect(await passwords.verify(null, 'anything')).toBe(false);
    expect(await passwords.verify(null, 'no account has this password')).toBe(false);
    // What it compares with comes from the same hasher, so it has the same cost.
    expect(verified).toEqual(Array(2).fill('hash of no account has this password'));
  });

  it('runs at most two hashes at once and refuses when too many wait', async () => {
    const running: PromiseWithResolvers<boolean>[] = [];
    let most = 0;
    let now = 0;
    const hasher: PasswordHasher = {
      hash: async () => 'dummy',
      verify: async () => {
        const turn = Promise.withResolvers<boolean>();
        running.push(turn);
        now += 1;
        most = Math.max(most, now);
        await turn.promise;
        now -= 1;
        return true;
      },
    };
    const passwords = createPasswords({ hasher, concurrency: 2, maxWaiting: 3 });
    await passwords.hash('make sure that the gate is free again after use');
    const five = Array.from({ length: 5 }, () => passwords.verify('stored', 'x'));
    const sixth = passwords.verify('stored', 'x');
    await expect(sixth).rejects.toMatchObject({ code: 'OVERLOADED' });
    let answered = 0;
    for (const one of five) void one.then(() => (answered += 1));
    while (answered < 5) {
      running.shift()?.resolve(true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(most).toBe(2);
  });
});
