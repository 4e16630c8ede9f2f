/** Owns the demo's accounts and how they come to be. It publishes nothing. */
import { z } from 'zod';
import { ApiError, type Client } from './client.ts';

/** The demo cannot run here; the message says why and what to do. */
export class DemoRefused extends Error {
  override readonly name = 'DemoRefused';
}

export interface SigningKey {
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

interface Account {
  readonly role: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

export interface People {
  readonly admin: Client;
  readonly developer: Client;
  readonly reviewer: Client;
  readonly accounts: readonly Account[];
}

const ADMIN: Account = {
  role: 'admin',
  name: 'Astrid Admin',
  email: 'admin@demo.example',
  password: 'harbour-lantern-42',
};
const DEVELOPER: Account = {
  role: 'developer',
  name: 'Devi Example',
  email: 'developer@demo.example',
  password: 'copper-meadow-17',
};
const REVIEWER: Account = {
  role: 'reviewer',
  name: 'Remy Reader',
  email: 'reviewer@demo.example',
  password: 'quiet-otter-93',
};

const Signed = z.object({ viewer: z.object({ developer: z.object({ id: z.string() }) }) });
const VIEWER = 'viewer { developer { id } }';

/** Makes the first admin, a developer and a reviewer. Throws DemoRefused on an installation that is not empty. */
export async function setUpPeople(client: Client, readSetupToken: () => Promise<string>): Promise<People> {
  if (!client.setupNeeded) throw notEmpty(client.publicUrl);
  const token = await readSetupToken();
  const admin = client.anotherPerson();
  const developer = client.anotherPerson();
  const reviewer = client.anotherPerson();
  try {
    await signUp(developer, DEVELOPER);
    const reviewerId = await signUp(reviewer, REVIEWER);
    const { name, email, password } = ADMIN;
    const made = await admin.mutate('completeSetup', { token, name, email, password }, VIEWER, Signed);
    const grant = (developerId: string, roles: { reviewer: boolean; admin: boolean }) =>
      admin.mutate('setRoles', { developerId, ...roles }, 'developer { roles }', z.object({}));
    await grant(reviewerId, { reviewer: true, admin: false });
    // The second pair of eyes for appeals.
    await grant(made.viewer.developer.id, { reviewer: true, admin: true });
  } catch (error) {
    if (error instanceof ApiError && ['EMAIL_TAKEN', 'SETUP_DONE'].includes(error.code))
      throw notEmpty(client.publicUrl);
    if (error instanceof ApiError && error.code === 'SETUP_TOKEN_WRONG')
      throw new DemoRefused(`DATA_DIR is the data folder of another server than the one at ${client.url}.`);
    throw error;
  }
  return { admin, developer, reviewer, accounts: [ADMIN, DEVELOPER, REVIEWER] };
}

async function signUp(client: Client, { name, email, password }: Account): Promise<string> {
  const { viewer } = await client.mutate('signUp', { name, email, password }, VIEWER, Signed);
  return viewer.developer.id;
}

function notEmpty(url: string): DemoRefused {
  return new DemoRefused(
    `The installation at ${url} already has accounts, and the demo only fills an empty one, so that nothing of yours changes.\n` +
      'Start a second server with an empty DATA_DIR and another PORT, and give both to the demo (DATA_DIR, MOSIS_URL).',
  );
}
