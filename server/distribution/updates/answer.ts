/** Owns what a device is told of its installed apps: pure, from the offers of each. A hint only: the signed metadata decides. */
import { compareSemver, type Semver } from '../../../format/semver.ts';
import { type AppOffers, type OfferedPackage, type Print, type Told, toldAs } from './offers.ts';
import type { InstalledPackage, UpdateCheck } from './request.ts';

/** Offers named of one app: more running rollouts than this are nobody's honest release. */
const MAX_OFFERS_PER_APP = 4;

/**
 * The JSON answer to a check, of ASCII alone. Of each app the newest offered version, and below one that not every device gets the
 * next, down to one that every device gets; a rollback where no update is for every device. `unchanged` when the device's tag is of this
 * answer.
 */
export function answerUpdateCheck(check: UpdateCheck, offersOf: (packageId: string) => AppOffers | null): string {
  const updates: Told[] = [];
  const gone: string[] = [];
  for (const app of check.apps) {
    const offers = offersOf(app.package_id);
    if (offers === null) gone.push(app.package_id);
    else addOffers(updates, app, offers, check.mosis_version);
  }
  const goneTold = gone.length === 0 ? NOTHING_GONE : toldAs(JSON.stringify(gone));
  const tag = tagOf(updates, goneTold);
  if (check.tag === tag) return `{"unchanged":true,"tag":"${tag}"}`;
  let list = '';
  for (const { text } of updates) list += list === '' ? text : `,${text}`;
  return `{"tag":"${tag}","updates":[${list}],"gone":${goneTold.text}}`;
}

const NOTHING_GONE = toldAs('[]');

function addOffers(
  updates: Told[],
  { version_code: installed, track }: InstalledPackage,
  offers: AppOffers,
  mosisVersion: Semver,
): void {
  // Up to date, as most apps on most days.
  if (offers.rollbacks.length === 0 && (offers.updates[track][0]?.versionCode ?? 0) <= installed) return;
  const runs = ({ minMosisVersion }: OfferedPackage) => compareSemver(minMosisVersion, mosisVersion) <= 0;
  // A device on beta takes stable versions, so it obeys the rollbacks of stable too.
  const back = offers.rollbacks.find(
    (entry) => entry.from === installed && (entry.track === track || track === 'beta') && runs(entry),
  );
  let left = back === undefined ? MAX_OFFERS_PER_APP : MAX_OFFERS_PER_APP - 1;
  for (const offer of offers.updates[track]) {
    if (offer.versionCode <= installed || left === 0) break;
    if (!runs(offer)) continue;
    updates.push(offer.toldWithDelta.get(installed) ?? offer.told);
    left -= 1;
    if (offer.full) return;
  }
  if (back !== undefined) updates.push(back.told);
}

const TAG_BYTES = Buffer.alloc(16);
const TAG_WORDS = new Int32Array(TAG_BYTES.buffer, TAG_BYTES.byteOffset, 4);

/**
 * 128 bits that stand for everything the answer tells, in its order: the hashes of its parts, made once, put together. Hashing each
 * answer anew would cost more than the rest of it.
 */
function tagOf(updates: readonly Told[], gone: Told): string {
  TAG_WORDS.fill(updates.length);
  for (const { print } of updates) addPrint(print);
  addPrint(gone.print);
  return TAG_BYTES.toString('base64url');
}

function addPrint(print: Print): void {
  for (let n = 0; n < 4; n += 1) {
    // One to one in the sum before and in the print: two lists that differ in one place never meet again by that.
    const sum = Math.imul((TAG_WORDS[n] ?? 0) ^ (print[n] ?? 0), 0x9e3779b1);
    TAG_WORDS[n] = sum ^ (sum >>> 15);
  }
}
