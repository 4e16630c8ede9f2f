/** Owns finding what to download: the store's page of an app, and the version that it gives to this Mosis. It trusts nothing of either. */
import { z } from 'zod';
import { PACKAGE_LIMITS } from '../format/limits.ts';
import { DeviceError } from './errors.ts';
import {
  asksToWait,
  MAX_ATTEMPTS,
  type Network,
  readJson,
  redirectTarget,
  reprDigest,
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

/** What the store says it would give this device; only the platform's statement makes it true. */
export interface Offer {
  readonly packageId: string;
  readonly name: string;
  readonly versionCode: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** The immutable address of exactly this version. */
  readonly url: string;
}

export interface FindOptions {
  readonly network: Network;
  /** The version of Mosis on this device; older apps are offered where the newest needs more. */
  readonly mosisVersion: string;
}

/** The offer for a package id. Throws NOT_FOUND when the store has no such app, MOSIS_TOO_OLD when none of its versions runs here. */
export async function findApp(packageId: string, { network, mosisVersion }: FindOptions): Promise<Offer> {
  if (!PACKAGE_ID.safeParse(packageId).success)
    throw new DeviceError('NOT_FOUND', `"${packageId}" is not a package id.`);
  const { name, minimum } = await storePage(network, packageId);
  const start = `${network.serverUrl}/v1/store/apps/${packageId}/download?mosis_version=${encodeURIComponent(mosisVersion)}`;
  const redirect = await patiently(network, start, { method: 'HEAD' });
  if (redirect.status === 404)
    throw new DeviceError('MOSIS_TOO_OLD', `The app needs Mosis ${minimum}; this device has ${mosisVersion}.`);
  const url = redirectTarget(redirect, start);
  if (url === null) throw new DeviceError('PROTOCOL', `${start} answered ${redirect.status} instead of a redirect.`);
  const path = /\/v1\/packages\/([^/]+)\/([1-9]\d{0,9})\/package\.mosis$/.exec(new URL(url).pathname);
  const versionCode = Number(path?.[2]);
  if (path?.[1] !== packageId || !(versionCode <= MAX_VERSION_CODE))
    throw new DeviceError('PROTOCOL', 'The store redirects to something that is no version of the app.');
  return { packageId, name, versionCode, url, ...(await announced(network, url)) };
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

/** Size and hash that the server announces for a package, before any byte of it. */
async function announced(network: Network, url: string): Promise<{ sizeBytes: number; sha256: string }> {
  const { status, headers } = await patiently(network, url, {
    method: 'HEAD',
    headers: { 'accept-encoding': 'identity' },
  });
  const sizeBytes = Number(headers.get('content-length') ?? Number.NaN);
  const sha256 = reprDigest(headers.get('repr-digest'));
  if (status === 404) throw new DeviceError('NOT_FOUND', 'The version is no longer in the store.');
  if (status !== 200 || sha256 === null || !Number.isSafeInteger(sizeBytes) || sizeBytes <= 0)
    throw new DeviceError('PROTOCOL', `${url} answered ${status} without the size and digest of a package.`);
  if (sizeBytes > PACKAGE_LIMITS.maxPackageBytes)
    throw new DeviceError('PACKAGE_REFUSED', `The store announces ${sizeBytes} bytes, more than a package may have.`);
  return { sizeBytes, sha256 };
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
