/** Owns the account service: puts its parts together and is the only writer of accounts, sessions, keys and device sign-ins. */
import { randomBytes } from 'node:crypto';
import { type Administration, createAdministration } from './administration.ts';
import { type ApiKeys, createApiKeys } from './api-keys.ts';
import { type Credentials, createCredentials } from './credentials.ts';
import type { AccountParts } from './dependencies.ts';
import { createDeviceLogins, type DeviceLogins } from './device-login.ts';
import { createLoginLimit, type LoginLimit } from './login-limit.ts';
import { createOperatorActs, type OperatorActs } from './operator-acts.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import type { RandomBytes } from './secrets.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSetup, type Setup } from './setup.ts';
import { createSignIn, type SignIn } from './sign-in.ts';
import { createSigningKeys, type OnKeyCompromised, type SigningKeys } from './signing-keys.ts';

export interface AccountsOptions extends Pick<AccountParts, 'work' | 'db' | 'clock' | 'ids'> {
  readonly config: { readonly publicUrl: string; readonly dataDir: string };
  /** Called in the transaction that marks a signing key as compromised. */
  readonly onKeyCompromised: OnKeyCompromised;
  /** Default: the limits of login-limit.ts. */
  readonly limiter?: LoginLimit;
  /** Default: argon2id. */
  readonly passwords?: Passwords;
  /** Default: the system's. */
  readonly random?: RandomBytes;
}

export interface Accounts extends SignIn, Administration {
  readonly sessions: Pick<Sessions, 'list'>;
  readonly apiKeys: ApiKeys;
  readonly deviceLogins: DeviceLogins;
  readonly signingKeys: SigningKeys;
  readonly setup: Setup;
  /** What the operator command does; never reached from the network. */
  readonly operator: OperatorActs;
  /** Who asks, and whether that still counts: what http/viewer.ts needs. */
  readonly credentials: Credentials;
  /** Removes expired sessions and device sign-ins; for a daily job. */
  sweep(): Promise<void>;
}

/** Makes the account service. */
export function createAccounts(options: AccountsOptions): Accounts {
  const { work, db, clock, ids, config, random = randomBytes } = options;
  const limiter = options.limiter ?? createLoginLimit({ clock });
  const passwords = options.passwords ?? createPasswords();
  const sessions = createSessions({ db, clock, ids, random, publicUrl: config.publicUrl });
  const parts: AccountParts = { work, db, clock, ids, random, limiter, passwords, sessions };
  const apiKeys = createApiKeys(parts);
  const deviceLogins = createDeviceLogins({ ...parts, publicUrl: config.publicUrl });
  return {
    ...createSignIn(parts),
    ...createAdministration(parts),
    sessions: { list: sessions.list },
    apiKeys,
    deviceLogins,
    signingKeys: createSigningKeys(parts, options.onKeyCompromised),
    setup: createSetup({ ...parts, ...config }),
    operator: createOperatorActs(parts),
    credentials: createCredentials(parts, apiKeys),
    async sweep() {
      await sessions.sweep();
      await deviceLogins.sweep();
    },
  };
}
