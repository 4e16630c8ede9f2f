/** Owns what is going on while the server is killed: versions on their way from bytes to devices, and telemetry. It judges nothing. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { encodePublicKeyPem } from '../../format/keys.ts';
import { signPinLink } from '../../format/pins.ts';
import { keyIdOf, publicKeyFrom } from '../../format/signing.ts';
import { type Client, tusHead, tusPatch, type UploadTarget } from '../support/client.ts';
import { goodPackage, TEST_SECRET_KEY } from '../support/packages.ts';
import { localId } from '../support/seed.ts';
import { type Moment, Refused, type Stage } from './survivor.ts';

/** Incompressible text beside the app, so that an upload takes several requests. */
const FILLER_BYTES = 160 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** What becomes of a version, and the state it ends in. */
export const FATES = {
  approved: 'PUBLISHED',
  rejected: 'REJECTED',
  automatic: 'PUBLISHED',
  broken: 'REJECTED',
  withdrawn: 'WITHDRAWN',
} as const;
export type Fate = keyof typeof FATES;

/** A version whose every act was acknowledged. */
export interface WalkedVersion {
  /** Ids in the database. */
  readonly key: string;
  readonly uploadKey: string;
  /** Global id. */
  readonly id: string;
  readonly packageId: string;
  readonly versionCode: number;
  readonly fate: Fate;
  readonly sha256: string;
}

export interface Team {
  readonly stage: Stage;
  readonly developer: Client;
  readonly reviewer: Client;
}

export interface KillApp {
  readonly id: string;
  readonly packageId: string;
}

/** One mutation, tried until it is acknowledged. A problem is thrown as Refused. */
async function act<Payload>(
  client: Client,
  name: string,
  input: Record<string, unknown>,
  selection = '__typename',
): Promise<Payload> {
  const outcome = await client.act<Payload>(name, input, selection);
  if (outcome.code !== undefined) throw new Refused(outcome.code, outcome.message ?? '');
  return outcome;
}

/** An app with a pinned key; the key is registered with the first one. */
export async function makeApp(developer: Client, packageId: string, { first }: { first: boolean }): Promise<KillApp> {
  const publicKey = publicKeyFrom(TEST_SECRET_KEY);
  const keyId = keyIdOf(publicKey);
  const made = await act<{ app: { id: string } }>(developer, 'createApp', { packageId, name: packageId }, 'app { id }');
  if (first) await act(developer, 'registerSigningKey', { name: 'Laptop', publicKey: encodePublicKeyPem(publicKey) });
  const link = signPinLink({ packageId, serial: 1, keyIds: [keyId] }, TEST_SECRET_KEY);
  const { serial, keyIds, signature } = link;
  await act(developer, 'pinSigningKeys', {
    appId: made.app.id,
    serial,
    keyIds,
    signerKeyId: keyId,
    publicKey: link.publicKey,
    signature,
  });
  return { id: made.app.id, packageId };
}

function packageOf(packageId: string, versionCode: number, fate: Fate): Uint8Array {
  // A dangerous permission brings a person in; code made at run time is refused by the checks.
  const byHand = fate === 'approved' || fate === 'rejected';
  const uses = byHand ? 'mosis.location.current(print)\n' : '';
  const breaks = fate === 'broken' ? 'load("return 1")()\n' : '';
  return goodPackage({
    manifest: {
      id: packageId,
      version: `1.${versionCode}.0`,
      version_code: versionCode,
      permissions: byHand ? ['location', 'storage'] : ['storage'],
    },
    files: {
      'assets/main.lua': `local saved = mosis.storage.get("greeting")\n${uses}${breaks}return saved\n`,
      'assets/filler.txt': randomBytes(FILLER_BYTES / 2).toString('hex'),
    },
  });
}

/** Takes one version from its bytes to its end, through every kill on the way. */
export async function walkVersion(team: Team, app: KillApp, versionCode: number, fate: Fate): Promise<WalkedVersion> {
  const { stage, developer } = team;
  const bytes = packageOf(app.packageId, versionCode, fate);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const idempotencyKey = randomUUID();
  const started = await stage.survive('upload', () =>
    act<{ token: string; upload: { id: string; url: string } }>(
      developer,
      'startUpload',
      { appId: app.id, size: bytes.length, sha256, idempotencyKey },
      'token upload { id url }',
    ),
  );
  const uploadId = started.upload.id;
  await sendAll(team, { id: uploadId, url: started.upload.url, token: started.token }, bytes);
  const id = await draftOf(team, uploadId);
  const walked = {
    key: localId(id),
    uploadKey: localId(uploadId),
    id,
    packageId: app.packageId,
    versionCode,
    fate,
    sha256,
  };
  if (fate === 'withdrawn') {
    await survivingOnce(team, 'submit', id, 'WITHDRAWN', () => act(developer, 'withdrawVersion', { versionId: id }));
    return walked;
  }
  const submitKey = randomUUID();
  await stage.survive('submit', () => act(developer, 'submitVersion', { versionId: id, idempotencyKey: submitKey }));
  const state = await checkedState(team, id);
  if (state === 'IN_REVIEW') await decide(team, id, fate === 'rejected' ? 'REJECTED' : 'APPROVED');
  if (FATES[fate] === 'PUBLISHED') {
    const publishKey = randomUUID();
    await stage.survive('publish', () =>
      act(developer, 'publishVersion', { versionId: id, idempotencyKey: publishKey }),
    );
  }
  return walked;
}

async function sendAll(
  { stage, developer }: Team,
  target: UploadTarget & { id: string },
  bytes: Uint8Array,
): Promise<void> {
  await stage.survive('upload', async () => {
    const { upload } = await developer.query<{ upload: { state: string } }>(
      'query($id: ID!) { upload(id: $id) { state } }',
      {
        id: target.id,
      },
    );
    // The answer to the last byte was lost, not the bytes.
    if (upload.state !== 'OPEN') return;
    const head = await tusHead(target);
    if (!head.ok) throw new Error(`HEAD answered ${head.status}`);
    let offset = Number(head.headers.get('upload-offset'));
    while (offset < bytes.length) {
      const answer = await tusPatch(target, bytes.subarray(offset, offset + CHUNK_BYTES), offset);
      if (!answer.ok) throw new Error(`PATCH answered ${answer.status}: ${await answer.text()}`);
      offset = Number(answer.headers.get('upload-offset'));
    }
  });
}

async function draftOf({ stage, developer }: Team, uploadId: string): Promise<string> {
  for (;;) {
    const { upload } = await stage.survive('received', () =>
      developer.query<{ upload: { state: string; version: { id: string } | null; findings: unknown } }>(
        'query($id: ID!) { upload(id: $id) { state version { id } findings { code message } } }',
        { id: uploadId },
      ),
    );
    if (upload.version !== null) return upload.version.id;
    if (upload.state === 'REFUSED') throw new Error(`A good package was refused: ${JSON.stringify(upload.findings)}`);
    await delay(20);
  }
}

async function stateOf({ stage, developer }: Team, moment: Moment, id: string): Promise<string> {
  const { version } = await stage.survive(moment, () =>
    developer.query<{ version: { state: string } }>('query($id: ID!) { version(id: $id) { state } }', { id }),
  );
  return version.state;
}

async function checkedState(team: Team, id: string): Promise<string> {
  for (;;) {
    const state = await stateOf(team, 'checks', id);
    if (state !== 'SUBMITTED') return state;
    await delay(15);
  }
}

/** An act without an idempotency key: refused the second time only because the first one, whose answer was lost, had worked. */
async function survivingOnce(
  team: Team,
  moment: Moment,
  id: string,
  target: string,
  once: () => Promise<unknown>,
): Promise<void> {
  let sent = 0;
  try {
    await team.stage.survive(moment, () => {
      sent += 1;
      return once();
    });
  } catch (error) {
    if (!(error instanceof Refused) || sent < 2 || (await stateOf(team, moment, id)) !== target) throw error;
  }
}

async function decide(team: Team, id: string, decision: 'APPROVED' | 'REJECTED'): Promise<void> {
  const { stage, reviewer } = team;
  const { version } = await stage.survive('claim', () =>
    reviewer.query<{ version: { review: { id: string } } }>('query($id: ID!) { version(id: $id) { review { id } } }', {
      id,
    }),
  );
  const reviewId = version.review.id;
  const claimed = await stage.survive('claim', () =>
    act<{ review: { claimId: string } }>(reviewer, 'claimReview', { reviewId }, 'review { claimId }'),
  );
  const input = { reviewId, claimId: claimed.review.claimId };
  await survivingOnce(team, 'decision', id, decision, () =>
    decision === 'APPROVED'
      ? act(reviewer, 'approveReview', input)
      : act(reviewer, 'rejectReview', { ...input, feedback: 'Say why it needs the location.' }),
  );
}

/** What was acknowledged of an app's telemetry. */
export interface TelemetryLedger {
  /** Events by type, over all acknowledged batches. */
  readonly events: Map<string, number>;
  batches: number;
  crashes: number;
}

/** Sends batches and crash reports until `stopped`, some of them twice; keeps the books on what was acknowledged. */
export async function sendTelemetry(
  { stage, developer }: Team,
  app: KillApp & { readonly version: string },
  stopped: () => boolean,
): Promise<TelemetryLedger> {
  const ledger: TelemetryLedger = { events: new Map(), batches: 0, crashes: 0 };
  const post = (path: string, body: unknown) =>
    stage.survive('telemetry', async () => {
      const response = await fetch(`${developer.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      if (response.status === 429 || response.status === 503) throw new Refused('RATE_LIMITED', text);
      if (response.status !== 202) throw new Refused(String(response.status), text);
      return text;
    });
  let earlier: { body: unknown; answer: string } | null = null;
  for (let round = 0; !stopped(); round += 1) {
    const types = ['app_start', 'app_stop', 'lua_errors'].slice(0, 1 + (round % 3));
    const at = new Date().toISOString();
    const common = {
      app_id: app.packageId,
      app_version: app.version,
      mosis_version: '1.0.0',
      device_id: randomBytes(32).toString('hex'),
    };
    const events = types.map((type) => (type === 'lua_errors' ? { type, at, data: { count: 1 } } : { type, at }));
    const body = { batch_id: randomUUID(), ...common, consent: false, sent_at: at, events };
    const answer = await post('/v1/telemetry/events', body);
    ledger.batches += 1;
    for (const type of types) ledger.events.set(type, (ledger.events.get(type) ?? 0) + 1);
    if (earlier !== null) {
      const again = await post('/v1/telemetry/events', earlier.body);
      if (again !== earlier.answer) throw new Error(`A repeat was answered ${again}, first ${earlier.answer}.`);
    }
    // Kept over many kills before it is repeated.
    if (round % 7 === 0) earlier = { body, answer };
    if (round % 5 === 0) {
      const crash = {
        crash_type: 'lua_error',
        message: 'attempt to index a nil value',
        stack_trace: 'stack traceback:\n\tmain.lua:1: in main chunk',
      };
      await post('/v1/telemetry/crash', { report_id: randomUUID(), ...common, timestamp: at, ...crash });
      ledger.crashes += 1;
    }
    await delay(12);
  }
  return ledger;
}
