/** Owns stories for tests: people, apps and versions, made through the public API alone, so that a test reads as what happened. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBase64 } from '../../format/base64.ts';
import { signPinLink } from '../../format/pins.ts';
import { keyIdOf, publicKeyFrom } from '../../format/signing.ts';
import type { EventRecord, EventType } from '../../server/events/types.ts';
import type { TestApp } from './app.ts';
import { type Client, cookieOf, type Outcome, type Session, tusUpload, type UploadTarget } from './client.ts';
import { type GoodPackageOptions, goodPackage, TEST_SECRET_KEY } from './packages.ts';

export const PASSWORD = 'teapot marmalade quorum';
const WAIT_MS = 15_000;

/** Somebody with an account and a portal session. */
export interface Person extends Client {
  readonly name: string;
  readonly email: string;
  /** Global id of the account. */
  readonly id: string;
}

export interface Developer extends Person {
  /** What their packages are signed with. */
  readonly secretKey: Uint8Array;
  readonly keyId: string;
  /** Registers the key, once. */
  registerKey(): Promise<void>;
  /** Makes an app and pins the developer's key to it. */
  app(packageId?: string, options?: { pinned?: boolean }): Promise<AppHandle>;
  /** An API key with these scopes. */
  apiKey(scopes: readonly string[], options?: { appId?: string }): Promise<Session>;
}

/** What is uploaded: a good package of the app, with changes. */
export interface UploadOptions extends GoodPackageOptions {
  readonly version_code?: number;
  readonly version?: string;
  readonly permissions?: readonly string[];
  readonly releaseNotes?: string;
}

export interface AppHandle {
  /** Global id. */
  readonly id: string;
  /** Id in the database. */
  readonly key: string;
  readonly packageId: string;
  readonly owner: Developer;
  /** The bytes that `upload` would send. */
  package(options?: UploadOptions): Uint8Array;
  /** Announces the bytes; nothing is sent. */
  start(bytes: Uint8Array, more?: Record<string, unknown>): Promise<StartedUpload>;
  /** Sends a package and waits for the gate. Throws with the findings where it is refused. */
  upload(options?: UploadOptions): Promise<VersionHandle>;
  /** Sends any bytes and waits for the verdict. */
  send(bytes: Uint8Array): Promise<UploadVerdict>;
  /** Signs and adds a link to the pin chain. */
  pin(keyIds: readonly string[], secretKey?: Uint8Array): Promise<Outcome>;
}

export interface StartedUpload extends UploadTarget {
  /** Global id. */
  readonly id: string;
}

export interface UploadVerdict {
  readonly id: string;
  readonly state: string;
  readonly findings: readonly { readonly code: string; readonly severity: string; readonly message: string }[];
  readonly version: { readonly id: string } | null;
}

export interface VersionHandle {
  /** Global id. */
  readonly id: string;
  /** Id in the database. */
  readonly key: string;
  readonly app: AppHandle;
  readonly bytes: Uint8Array;
  readonly versionCode: number;
  /** The state now, as its owner sees it. */
  state(): Promise<string>;
  /** Submits it and waits until the checks have ended; answers the state then. */
  submitted(): Promise<string>;
  /** Submitted, and approved by the reviewer where a person must look. */
  approved(by: Reviewer): Promise<void>;
  /** Approved and published. */
  published(by: Reviewer): Promise<void>;
  /** Types of its events, oldest first. */
  events(): Promise<EventType[]>;
}

export interface Claim {
  /** Global id of the review. */
  readonly reviewId: string;
  readonly claimId: string;
}

export interface Reviewer extends Person {
  claim(version: VersionHandle): Promise<Claim>;
  approve(version: VersionHandle, note?: string): Promise<void>;
  reject(version: VersionHandle, feedback: string): Promise<void>;
}

export interface Seed {
  readonly app: TestApp;
  /** Signs up. The first signs with TEST_SECRET_KEY, each other with a key of their own. */
  developer(name: string, options?: { secretKey?: Uint8Array }): Promise<Developer>;
  reviewer(name?: string): Promise<Reviewer>;
  /** The first admin by the set-up token, the same one each time. */
  admin(): Promise<Person>;
  /** Signs in again, in another browser. */
  signIn(email: string): Promise<Session>;
  /** Resolves with the first event of the log that fits, whenever it comes. */
  event(fits: (event: EventRecord) => boolean): Promise<EventRecord>;
}

/** Stories on a server. */
export function createSeed(app: TestApp): Seed {
  let people = 0;
  let admin: Promise<Person> | null = null;

  async function event(fits: (event: EventRecord) => boolean): Promise<EventRecord> {
    const epoch = (await app.services.events.head()).split('.', 1)[0] ?? '';
    const signal = AbortSignal.timeout(WAIT_MS);
    for await (const each of app.services.events.stream({ after: `${epoch}.0`, signal })) {
      if (fits(each)) return each;
    }
    throw new Error(`no such event came within ${WAIT_MS / 1000} s`);
  }

  async function enter(name: string, document: string, input: Record<string, unknown>): Promise<Person> {
    const answer = await app.client().send(document, { input });
    const result = Object.values(answer.data ?? {})[0] as { viewer?: { developer: { id: string; email: string } } };
    if (result?.viewer === undefined) throw new Error(answer.text);
    const client = app.client().as({ cookie: cookieOf(answer) });
    return { ...client, name, ...result.viewer.developer };
  }

  async function signUp(name: string): Promise<Person> {
    people += 1;
    const email = `${name.toLowerCase().replaceAll(/[^a-z]/g, '')}.${people}@example.org`;
    return enter(
      name,
      `mutation($input: SignUpInput!) { signUp(input: $input) {
        ... on SignUpPayload { viewer { developer { id email } } } ... on Error { code message } } }`,
      { email, name, password: PASSWORD },
    );
  }

  async function setUp(): Promise<Person> {
    const token = (await readFile(join(app.dataDir, 'setup-token'), 'utf8')).trim();
    return enter(
      'Grace',
      `mutation($input: CompleteSetupInput!) { completeSetup(input: $input) {
        ... on CompleteSetupPayload { viewer { developer { id email } } } ... on Error { code message } } }`,
      { token, email: 'admin@example.org', name: 'Grace', password: PASSWORD },
    );
  }

  const seed: Seed = {
    app,
    event,
    admin() {
      admin ??= setUp();
      return admin;
    },
    async developer(name, options = {}) {
      const secretKey = options.secretKey ?? (people === 0 ? TEST_SECRET_KEY : secretKeyOf(`${name} ${people}`));
      return developerOf(seed, await signUp(name), secretKey);
    },
    async reviewer(name = 'Rita') {
      const person = await signUp(name);
      const grace = await seed.admin();
      await grace.done('setRoles', { developerId: person.id, reviewer: true, admin: false });
      return reviewerOf(person);
    },
    async signIn(email) {
      const answer = await app
        .client()
        .send('mutation($input: SignInInput!) { signIn(input: $input) { __typename } }', {
          input: { email, password: PASSWORD },
        });
      return { cookie: cookieOf(answer) };
    },
  };
  return seed;
}

function secretKeyOf(text: string): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(text).digest());
}

/** The database id in a global id. */
export function localId(globalId: string): string {
  return Buffer.from(globalId, 'base64').toString('utf8').split(':').slice(1).join(':');
}

/** The global id of a database id. */
export function globalId(type: string, id: string): string {
  return Buffer.from(`${type}:${id}`).toString('base64');
}

function developerOf(seed: Seed, person: Person, secretKey: Uint8Array): Developer {
  const publicKey = publicKeyFrom(secretKey);
  const keyId = keyIdOf(publicKey);
  let registering: Promise<void> | null = null;
  const developer: Developer = {
    ...person,
    secretKey,
    keyId,
    registerKey() {
      registering ??= person
        .done('registerSigningKey', { name: 'Laptop', publicKey: toBase64(publicKey) })
        .then(() => undefined);
      return registering;
    },
    async app(packageId = 'com.example.hello', { pinned = true } = {}) {
      const made = await person.done<{ app: { id: string } }>(
        'createApp',
        { packageId, name: `App ${packageId}` },
        'app { id }',
      );
      const app = appOf(seed, developer, { id: made.app.id, packageId });
      if (pinned) {
        await developer.registerKey();
        const outcome = await app.pin([keyId]);
        if (outcome.code !== undefined) throw new Error(`${outcome.code} ${outcome.message}`);
      }
      return app;
    },
    async apiKey(scopes, options = {}) {
      const made = await person.done<{ secret: string }>('createApiKey', { name: 'CI', scopes, ...options }, 'secret');
      return { bearer: made.secret };
    },
  };
  return developer;
}

function appOf(seed: Seed, owner: Developer, { id, packageId }: { id: string; packageId: string }): AppHandle {
  let uploads = 0;
  const app: AppHandle = {
    id,
    key: localId(id),
    packageId,
    owner,
    package(options = {}) {
      const { version_code, version, permissions, manifest, ...rest } = options;
      return goodPackage({
        secretKey: owner.secretKey,
        ...rest,
        manifest: {
          id: packageId,
          version_code: version_code ?? uploads + 1,
          ...(version === undefined ? {} : { version }),
          ...(permissions === undefined ? {} : { permissions }),
          ...manifest,
        },
      });
    },
    async start(bytes, more = {}) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const started = await owner.done<{ upload: { id: string; url: string }; token: string }>(
        'startUpload',
        { appId: id, size: bytes.length, sha256, ...more },
        'upload { id url } token',
      );
      return { ...started.upload, token: started.token };
    },
    async upload(options = {}) {
      const bytes = app.package(options);
      const { releaseNotes } = options;
      const verdict = await sendAndWait(bytes, releaseNotes === undefined ? {} : { releaseNotes });
      if (verdict.version === null) throw new Error(`refused: ${JSON.stringify(verdict.findings)}`);
      uploads += 1;
      return versionOf(seed, app, { id: verdict.version.id, bytes });
    },
    send: (bytes) => sendAndWait(bytes, {}),
    async pin(keyIds, secretKey = owner.secretKey) {
      const { app: known } = await owner.query<{ app: { pinSerial: number } }>(
        'query($packageId: String!) { app(packageId: $packageId) { pinSerial } }',
        { packageId },
      );
      const link = signPinLink({ packageId, serial: known.pinSerial + 1, keyIds }, secretKey);
      const { publicKey, signature, serial } = link;
      const signerKeyId = keyIdOf(publicKeyFrom(secretKey));
      return owner.act('pinSigningKeys', {
        appId: id,
        serial,
        keyIds: link.keyIds,
        signerKeyId,
        publicKey,
        signature,
      });
    },
  };

  async function sendAndWait(bytes: Uint8Array, more: Record<string, unknown>): Promise<UploadVerdict> {
    const started = await app.start(bytes, more);
    await tusUpload(started, bytes);
    const uploadId = localId(started.id);
    await seed.event(
      (event) => (event.type === 'UPLOADED' || event.type === 'UPLOAD_REFUSED') && event.payload.uploadId === uploadId,
    );
    return verdictOf(owner, started.id);
  }
  return app;
}

/** An upload as its owner sees it. */
export async function verdictOf(client: Client, uploadId: string): Promise<UploadVerdict> {
  const { upload } = await client.query<{ upload: UploadVerdict }>(
    'query($id: ID!) { upload(id: $id) { id state findings { code severity message } version { id } } }',
    { id: uploadId },
  );
  return upload;
}

function versionOf(seed: Seed, app: AppHandle, { id, bytes }: { id: string; bytes: Uint8Array }): VersionHandle {
  const key = localId(id);
  const version: VersionHandle = {
    id,
    key,
    app,
    bytes,
    get versionCode() {
      const [row] = seed.app.rows<{ version_code: number }>('SELECT version_code FROM app_versions WHERE id = ?', key);
      return row?.version_code ?? Number.NaN;
    },
    async state() {
      const { version: now } = await app.owner.query<{ version: { state: string } }>(
        'query($id: ID!) { version(id: $id) { state } }',
        { id },
      );
      return now.state;
    },
    async submitted() {
      await app.owner.done('submitVersion', { versionId: id });
      await seed.event(
        ({ type, versionId }) => versionId === key && (type === 'CHECKS_PASSED' || type === 'CHECKS_FAILED'),
      );
      return version.state();
    },
    async approved(by) {
      const state = await version.submitted();
      if (state === 'IN_REVIEW') await by.approve(version);
      else if (state !== 'APPROVED') throw new Error(`the version is ${state}`);
    },
    async published(by) {
      await version.approved(by);
      await app.owner.done('publishVersion', { versionId: id });
    },
    async events() {
      const { events } = await seed.app.services.events.read({ filter: { versionId: key }, limit: 1000 });
      return events.map((event) => event.type);
    },
  };
  return version;
}

function reviewerOf(person: Person): Reviewer {
  const reviewer: Reviewer = {
    ...person,
    async claim(version) {
      const { version: seen } = await person.query<{ version: { review: { id: string } | null } | null }>(
        'query($id: ID!) { version(id: $id) { review { id } } }',
        { id: version.id },
      );
      if (seen?.review == null) throw new Error('the version has no open review that this reviewer sees');
      const claimed = await person.done<{ review: { id: string; claimId: string } }>(
        'claimReview',
        { reviewId: seen.review.id },
        'review { id claimId }',
      );
      return { reviewId: claimed.review.id, claimId: claimed.review.claimId };
    },
    async approve(version, note) {
      const claim = await reviewer.claim(version);
      await person.done('approveReview', { ...claim, ...(note === undefined ? {} : { note }) });
    },
    async reject(version, feedback) {
      const claim = await reviewer.claim(version);
      await person.done('rejectReview', { ...claim, feedback });
    },
  };
  return reviewer;
}
