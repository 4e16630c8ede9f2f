/** Owns what a device is told of its installed apps: pure, from the offers of each. A hint only: the signed metadata decides. */
import { compareSemver, type Semver } from '../../../format/semver.ts';
import type { Track } from '../../../format/trust/targets.ts';
import type { AskedApps } from './asked-apps.ts';
import { type AppOffers, type OfferedPackage, type OfferedRollback, type Told, toldAs } from './offers.ts';
import type { UpdateCheck } from './scan.ts';

/** Offers named of one app: more running rollouts than this are nobody's honest release. */
const MAX_OFFERS_PER_APP = 4;

/** What the n-th app of a check is offered, if it is served and the device has not the newest. */
type OffersOf = (apps: AskedApps, n: number) => AppOffers | 'current' | 'gone';

/**
 * The JSON answer to a check, of ASCII alone. Of each app the newest offered version, and below one that not every device gets the
 * next, down to one that every device gets; a rollback where no update is for every device. `unchanged` when the device's tag is of this
 * answer.
 */
export function answerUpdateCheck({ mosis_version, tag: known, apps }: UpdateCheck, offersOf: OffersOf): string {
  const updates: Told[] = [];
  const gone: string[] = [];
  const runs = runsOn(mosis_version);
  for (let n = 0; n < apps.length; n += 1) {
    const offers = offersOf(apps, n);
    if (offers === 'current') continue;
    if (offers === 'gone') gone.push(apps.packageId(n));
    else addOffers(updates, apps.versionCode(n), apps.track(n), offers, runs);
  }
  const goneTold = gone.length === 0 ? NOTHING_GONE : toldAs(JSON.stringify(gone));
  const tag = tagOf(updates, goneTold);
  if (known === tag) return `{"unchanged":true,"tag":"${tag}"}`;
  let list = '';
  for (const { text } of updates) list += list === '' ? text : `,${text}`;
  return `{"tag":"${tag}","updates":[${list}],"gone":${goneTold.text}}`;
}

const NOTHING_GONE = toldAs('[]');

type Runs = (offered: OfferedPackage) => boolean;

function addOffers(updates: Told[], installed: number, track: Track, offers: AppOffers, runs: Runs): void {
  const back = rollbackFor(offers, installed, track, runs);
  let left = back === null ? MAX_OFFERS_PER_APP : MAX_OFFERS_PER_APP - 1;
  for (const offer of track === 'stable' ? offers.stable : offers.beta) {
    if (offer.versionCode <= installed || left === 0) break;
    if (!runs(offer)) continue;
    updates.push(offer.toldWithDelta?.get(installed) ?? offer);
    left -= 1;
    if (offer.full) return;
  }
  if (back !== null) updates.push(back.told);
}

function rollbackFor({ rollbacks }: AppOffers, installed: number, track: Track, runs: Runs): OfferedRollback | null {
  if (rollbacks.length === 0) return null;
  // A device on beta takes stable versions, so it obeys the rollbacks of stable too.
  const obeys = (entry: OfferedRollback) => entry.track === track || track === 'beta';
  return rollbacks.find((entry) => entry.from === installed && obeys(entry) && runs(entry)) ?? null;
}

/** Whether a package runs on this Mosis. Nearly all of a check need the same one, which is compared once. */
function runsOn(mosisVersion: Semver): Runs {
  let seen: Semver | null = null;
  let verdict = false;
  return ({ minMosisVersion }) => {
    if (minMosisVersion === seen) return verdict;
    seen = minMosisVersion;
    verdict = compareSemver(minMosisVersion, mosisVersion) <= 0;
    return verdict;
  };
}

const TAG_BYTES = Buffer.alloc(16);
const TAG_WORDS = new Int32Array(TAG_BYTES.buffer, TAG_BYTES.byteOffset, 4);

/**
 * 128 bits that stand for everything the answer tells, in its order: the hashes of its parts, made once, put together. Hashing each
 * answer anew would cost more than the rest of it.
 */
function tagOf(updates: readonly Told[], gone: Told): string {
  let [sum0, sum1, sum2, sum3] = [updates.length, updates.length, updates.length, updates.length];
  for (let n = 0; n <= updates.length; n += 1) {
    const { word0, word1, word2, word3 } = updates[n] ?? gone;
    sum0 = mixed(sum0, word0);
    sum1 = mixed(sum1, word1);
    sum2 = mixed(sum2, word2);
    sum3 = mixed(sum3, word3);
  }
  TAG_WORDS.set([sum0, sum1, sum2, sum3]);
  return TAG_BYTES.toString('base64url');
}

/** One to one in the sum before and in the word: two lists that differ in one place never meet again by that. */
function mixed(sum: number, word: number): number {
  const product = Math.imul(sum ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}
