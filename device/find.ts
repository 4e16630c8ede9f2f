/** Owns finding what to download: the store's page of an app, and the version that it gives to this Mosis. It trusts nothing of either. */
import { z } from 'zod';
import { compareSemver, parseSemver } from '../format/semver.ts';
import { DeviceError } from './errors.ts';
import {
  asksToWait,
  MAX_ATTEMPTS,
  type Network,
  readJson,
  redirectTarget,
  request,
  retryAfterMs,
  waitBefore,
} from './http.ts';
import { PACKAGE_ID } from './storage.ts';

const QUERY = `query DeviceFind($packageId: String!) {
  storeApp(packageId: $packageId) { packageId name version { minMosisVersion } }
}`;

const MAX_ANSWER_BYTES = 256 * 1024;
const MAX_VERSION_CODE = 2_147_483_647;

const Answer = z.object({
  data: z
    .object({
      storeApp: z
        .object({ packageId: PACKAGE_ID, name: z.string(), version: z.object({ minMosisVersion: z.string() }) })
        .nullable(),
    })
    .nullish(),
  errors: z.array(z.object({ message: z.string() })).optional(),
});

/** What the store says it would give this device: a hint where to look in the signed metadata. */
export interface Offer {
  readonly packageId: string;
  readonly name: string;
  readonly versionCode: number;
  /** The immutable address of exactly this version. */
  readonly url: string;
}

export interface FindOptions {
  readonly network: Network;
  /** The version of Mosis on this device; older apps are offered where the newest needs more. */
  readonly mosisVersion: string;
}

/** The offer for a package id. Throws NOT_FOUND when the store has no such app, MOSIS_TOO_OLD when its version does not run here, NOT_OFFERED when it is not for every device. */
export async function findApp(packageId: string, { network, mosisVersion }: FindOptions): Promise<Offer> {
  if (!PACKAGE_ID.safeParse(packageId).success)
    throw new DeviceError('NOT_FOUND', `"${packageId}" is not a package id.`);
  const { name, minimum } = await storePage(network, packageId);
  const start = `${network.serverUrl}/v1/store/apps/${packageId}/download?mosis_version=${encodeURIComponent(mosisVersion)}`;
  const redirect = await patiently(network, start, { method: 'HEAD' });
  if (redirect.status === 404) throw nothingToDownload(minimum, mosisVersion);
  const url = redirectTarget(redirect, start);
  if (url === null) throw new DeviceError('PROTOCOL', `${start} answered ${redirect.status} instead of a redirect.`);
  const path = /\/v1\/packages\/([^/]+)\/([1-9]\d{0,9})\/package\.mosis$/.exec(new URL(url).pathname);
  const versionCode = Number(path?.[2]);
  if (path?.[1] !== packageId || !(versionCode <= MAX_VERSION_CODE))
    throw new DeviceError('PROTOCOL', 'The store redirects to something that is no version of the app.');
  return { packageId, name, versionCode, url };
}

function nothingToDownload(minimum: string, mosisVersion: string): DeviceError {
  const [wanted, have] = [parseSemver(minimum), parseSemver(mosisVersion)];
  if (wanted !== null && have !== null && compareSemver(have, wanted) >= 0)
    return new DeviceError('NOT_OFFERED', 'No version of the app is for every device on the stable track yet.');
  return new DeviceError('MOSIS_TOO_OLD', `The app needs Mosis ${minimum}; this device has ${mosisVersion}.`);
}

async function storePage(network: Network, packageId: string): Promise<{ name: string; minimum: string }> {
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
  const body = JSON.stringify({ query: QUERY, variables: { packageId } });
  const response = await patiently(network, `${network.serverUrl}/graphql`, { method: 'POST', headers, body });
  const answer = Answer.safeParse(await readJson(response, MAX_ANSWER_BYTES));
  if (!answer.success)
    throw new DeviceError('PROTOCOL', 'The store answered in a form that this device does not know.');
  const problem = answer.data.errors?.[0];
  if (problem !== undefined) throw new DeviceError('PROTOCOL', `The store answered: ${problem.message}`);
  const app = answer.data.data?.storeApp ?? null;
  if (app === null) throw new DeviceError('NOT_FOUND', `The store has no app ${packageId}.`);
  if (app.packageId !== packageId)
    throw new DeviceError('PROTOCOL', `The store answered with ${app.packageId} when asked for ${packageId}.`);
  return { name: app.name, minimum: app.version.minMosisVersion };
}

/** A request repeated while the server asks to slow down. */
async function patiently(network: Network, url: string, init: RequestInit): Promise<Response> {
  for (let attempt = 0; ; attempt += 1) {
    const response = await request(network, url, init);
    if (!asksToWait(response) || attempt + 1 >= MAX_ATTEMPTS) return response;
    await response.body?.cancel();
    await waitBefore(network, attempt, retryAfterMs(response, network.clock()));
  }
}
