/** Owns what happens to the demo's apps: who uploads, decides and answers what. Each act goes through the public API. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { encodePublicKeyPem } from '../../format/keys.ts';
import { signPinLink } from '../../format/pins.ts';
import { keyIdOf } from '../../format/signing.ts';
import type { Client } from './client.ts';
import type { People, SigningKey } from './people.ts';
import { type DemoApp, NOTES, packRelease, readSample, WEATHER } from './releases.ts';

const POLL_MS = 80;
const CHECKS_TIMEOUT_MS = 60_000;

const Made = z.object({ app: z.object({ id: z.string() }) });
const VersionAnswer = z.object({ version: z.object({ state: z.string() }) });
const Claimed = z.object({ review: z.object({ claimId: z.string() }) });
const Waiting = z.object({ version: z.object({ review: z.object({ id: z.string() }).nullable() }) });
const Nothing = z.object({});

type Say = (line: string) => void;

/** An app with its upload of each release, by version name. */
interface Shelf {
  readonly appId: string;
  /** Uploads the release and gives its draft. */
  draft(version: string): Promise<string>;
  /** Uploads and submits it, waits for the checks, and gives the id and the state they led to. */
  submit(version: string): Promise<{ id: string; state: string }>;
}

/** Notes: reviewed once as the first app, then by itself; once refused by the checks; one draft. */
export async function publishNotes(people: People, key: SigningKey, say: Say): Promise<void> {
  await people.developer.mutate(
    'registerSigningKey',
    { name: 'Demo laptop', publicKey: encodePublicKeyPem(key.publicKey) },
    'signingKey { keyId }',
    Nothing,
  );
  const shelf = await makeApp(people.developer, key, NOTES, {
    name: 'Notes',
    summary: 'Quick notes that stay on your phone',
    description:
      'Write, pin, search and tag notes. They are kept on the phone and nowhere else.\n\nPut #words into a note and find them again on a screen of their own.',
    category: 'PRODUCTIVITY',
    tags: ['notes', 'writing', 'offline'],
  });
  const first = await shelf.submit('1.0.0');
  expectState(first, 'IN_REVIEW');
  await decide(people.reviewer, first.id, {
    approve: 'Clear and small, and every text is escaped. A welcome first app.',
  });
  await publish(people.developer, first.id);
  for (const version of ['1.1.0', '1.2.0']) {
    const next = await shelf.submit(version);
    expectState(next, 'APPROVED');
    await publish(people.developer, next.id);
  }
  expectState(await shelf.submit('1.3.0'), 'REJECTED');
  const fixed = await shelf.submit('1.3.1');
  expectState(fixed, 'APPROVED');
  await publish(people.developer, fixed.id);
  await shelf.draft('1.4.0');
  say('Notes published: 1.0.0 to 1.3.1, with 1.3.0 refused by the checks and 1.4.0 as a draft');
}

/** Weather: refused by a reviewer, appealed in vain, repaired; the next version waits in the queue. */
export async function publishWeather(people: People, key: SigningKey, say: Say): Promise<void> {
  const shelf = await makeApp(people.developer, key, WEATHER, {
    name: 'Weather',
    summary: 'The next days for the cities you choose',
    description:
      'The forecast of the next days for up to eight cities. The last one is kept, so there is something to see without a connection.',
    category: 'WEATHER',
    tags: ['weather', 'forecast'],
  });
  const first = await shelf.submit('1.0.0');
  if (first.state === 'IN_REVIEW') await decide(people.reviewer, first.id, { approve: 'Asks one constant host only.' });
  await publish(people.developer, first.id);
  const refused = await shelf.submit('1.1.0');
  expectState(refused, 'IN_REVIEW');
  await decide(people.reviewer, refused.id, {
    reject:
      'The app now asks for storage. Saved cities cannot be counted or removed together, and nothing says what is kept. ' +
      'Give people a screen that shows what is stored and clears it.',
    policyRefs: ['PERMISSION-1', 'PRIVACY-2'],
  });
  await people.developer.mutate(
    'appealRejection',
    {
      versionId: refused.id,
      reason:
        'Each city can be removed on the screen "Cities", and only names of places are stored. Nothing about a person.',
    },
    'version { state }',
    Nothing,
  );
  await decide(people.admin, refused.id, {
    reject:
      'Read again by a second person. Cities can be removed, but the kept forecast cannot. The first decision stands.',
    policyRefs: ['PRIVACY-2'],
  });
  await people.developer.mutate(
    'commentOnVersion',
    { versionId: refused.id, body: 'Understood. 1.2.0 has a settings screen that shows what is kept and clears it.' },
    'comment { id }',
    Nothing,
  );
  const fixed = await shelf.submit('1.2.0');
  if (fixed.state === 'IN_REVIEW')
    await decide(people.reviewer, fixed.id, { approve: 'The settings screen answers what was missing in 1.1.0.' });
  await publish(people.developer, fixed.id);
  expectState(await shelf.submit('1.3.0'), 'IN_REVIEW');
  say('Weather published: 1.0.0 and 1.2.0, with 1.1.0 rejected and appealed and 1.3.0 waiting for a reviewer');
}

async function makeApp(
  developer: Client,
  key: SigningKey,
  app: DemoApp,
  listing: Record<string, unknown>,
): Promise<Shelf> {
  const { packageId } = app;
  const made = await developer.mutate('createApp', { packageId, ...listing }, 'app { id }', Made);
  const appId = made.app.id;
  const keyId = keyIdOf(key.publicKey);
  const { serial, keyIds, publicKey, signature } = signPinLink(
    { packageId, serial: 1, keyIds: [keyId] },
    key.secretKey,
  );
  await developer.mutate(
    'pinSigningKeys',
    { appId, serial, keyIds, signerKeyId: keyId, publicKey, signature },
    'app { pinnedKeyIds }',
    Nothing,
  );
  const newest = await readSample(app.folder);
  const draft = async (version: string): Promise<string> => {
    const release = app.releases.find((each) => each.version === version);
    if (release === undefined) throw new RangeError(`${packageId} has no release ${version}.`);
    const bytes = packRelease(release, newest, key.secretKey);
    return developer.upload({ appId, bytes, releaseNotes: release.releaseNotes });
  };
  return {
    appId,
    draft,
    async submit(version) {
      const id = await draft(version);
      await developer.mutate('submitVersion', { versionId: id }, 'version { state }', Nothing);
      return { id, state: await checkedState(developer, id) };
    },
  };
}

/** The state the checks led to. */
async function checkedState(developer: Client, id: string): Promise<string> {
  const until = performance.now() + CHECKS_TIMEOUT_MS;
  while (performance.now() < until) {
    const { version } = await developer.query('query ($id: ID!) { version(id: $id) { state } }', { id }, VersionAnswer);
    if (version.state !== 'SUBMITTED') return version.state;
    await delay(POLL_MS);
  }
  throw new Error(`The checks of ${id} did not end within ${CHECKS_TIMEOUT_MS / 1_000} s.`);
}

type Decision = { readonly approve: string } | { readonly reject: string; readonly policyRefs: readonly string[] };

async function decide(reviewer: Client, versionId: string, decision: Decision): Promise<void> {
  const document = 'query ($id: ID!) { version(id: $id) { review { id } } }';
  const { version } = await reviewer.query(document, { id: versionId }, Waiting);
  if (version.review === null) throw new Error(`No review of ${versionId} is open.`);
  const reviewId = version.review.id;
  const { review } = await reviewer.mutate('claimReview', { reviewId }, 'review { claimId }', Claimed);
  const input = { reviewId, claimId: review.claimId };
  if ('approve' in decision)
    await reviewer.mutate('approveReview', { ...input, note: decision.approve }, 'review { state }', Nothing);
  else {
    const { reject: feedback, policyRefs } = decision;
    await reviewer.mutate('rejectReview', { ...input, feedback, policyRefs }, 'review { state }', Nothing);
  }
}

async function publish(developer: Client, versionId: string): Promise<void> {
  await developer.mutate('publishVersion', { versionId }, 'version { state }', Nothing);
}

function expectState({ id, state }: { id: string; state: string }, expected: string): void {
  if (state !== expected) throw new Error(`${id} should be ${expected} after the checks; it is ${state}.`);
}
