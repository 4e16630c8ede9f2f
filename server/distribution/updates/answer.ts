/** Owns what a device is told of its installed apps: pure, from the offers of each. A hint only: the signed metadata decides. */
import { hash } from 'node:crypto';
import { compareSemver } from '../../../format/semver.ts';
import type { AppOffers, OfferedPackage } from './offers.ts';
import type { InstalledPackage, UpdateCheck } from './request.ts';

/** Offers named of one app: more running rollouts than this are nobody's honest release. */
const MAX_OFFERS_PER_APP = 4;
const TAG_CHARS = 22;

/**
 * The JSON answer to a check. Of each app the newest offered version, and below one that not every device gets the next, down
 * to one that every device gets; a rollback only where there is no update. `unchanged` when the device's tag is of this answer.
 */
export function answerUpdateCheck(check: UpdateCheck, offersOf: (packageId: string) => AppOffers | null): string {
  const runs = ({ minMosisVersion }: OfferedPackage) => compareSemver(minMosisVersion, check.mosis_version) <= 0;
  const updates: string[] = [];
  const gone: string[] = [];
  for (const app of check.apps) {
    const offers = offersOf(app.package_id);
    if (offers === null) gone.push(JSON.stringify(app.package_id));
    else addOffers(updates, app, offers, runs);
  }
  const body = `"updates":[${updates.join()}],"gone":[${gone.join()}]}`;
  // The tag stands for the answer itself, whatever that came from.
  const tag = hash('sha256', body, 'base64url').slice(0, TAG_CHARS);
  return check.tag === tag ? `{"unchanged":true,"tag":"${tag}"}` : `{"tag":"${tag}",${body}`;
}

function addOffers(
  updates: string[],
  { version_code: installed, track }: InstalledPackage,
  offers: AppOffers,
  runs: (version: OfferedPackage) => boolean,
): void {
  let named = 0;
  for (const offer of offers.updates[track]) {
    if (offer.versionCode <= installed || named === MAX_OFFERS_PER_APP) break;
    if (!runs(offer)) continue;
    updates.push(offer.toldWithDelta.get(installed) ?? offer.told);
    named += 1;
    if (offer.full) break;
  }
  if (named > 0) return;
  const back = offers.rollbacks.find((entry) => entry.from === installed && entry.track === track && runs(entry));
  if (back === undefined) return;
  const issue = JSON.stringify(back.reason);
  updates.push(`{${back.facts},"track":"${track}","delta_size":null,"kind":"rollback","known_issue":${issue}}`);
}
