/** Owns asking the store what it offers of an app: one anonymous GraphQL query. It trusts nothing of the answer. */
import { z } from 'zod';
import { DeviceError } from './errors.ts';
import { asksToWait, MAX_ATTEMPTS, type Network, readJson, request, retryAfterMs, waitBefore } from './http.ts';
import { PACKAGE_ID } from './storage.ts';

const QUERY = `query DeviceFind($packageId: String!) {
  storeApp(packageId: $packageId) {
    packageId
    name
    version { versionCode versionName packageSize packageSha256 permissions { name dangerous } }
  }
}`;

const MAX_ANSWER_BYTES = 256 * 1024;

const Answer = z.object({
  data: z
    .object({
      storeApp: z
        .object({
          packageId: PACKAGE_ID,
          name: z.string(),
          version: z.object({
            versionCode: z.int().positive(),
            versionName: z.string(),
            packageSize: z.coerce.number().int().positive(),
            packageSha256: z.string().regex(/^[0-9a-f]{64}$/),
            permissions: z.array(z.object({ name: z.string(), dangerous: z.boolean() })),
          }),
        })
        .nullable(),
    })
    .nullish(),
  errors: z.array(z.object({ message: z.string() })).optional(),
});

/** What the store says it would give; only the platform's statement makes it true. */
export interface Offer {
  readonly packageId: string;
  readonly name: string;
  readonly versionCode: number;
  readonly versionName: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly permissions: readonly { readonly name: string; readonly dangerous: boolean }[];
}

/** The offer for a package id. Throws NOT_FOUND when the store has no such app. */
export async function findApp(network: Network, packageId: string): Promise<Offer> {
  if (!PACKAGE_ID.safeParse(packageId).success)
    throw new DeviceError('NOT_FOUND', `"${packageId}" is not a package id.`);
  const url = `${network.serverUrl}/graphql`;
  const body = JSON.stringify({ query: QUERY, variables: { packageId } });
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
  for (let attempt = 0; ; attempt += 1) {
    const response = await request(network, url, { method: 'POST', headers, body });
    if (asksToWait(response) && attempt + 1 < MAX_ATTEMPTS) {
      await response.body?.cancel();
      await waitBefore(network, attempt, retryAfterMs(response, network.clock()));
      continue;
    }
    return offerOf(Answer.safeParse(await readJson(response, MAX_ANSWER_BYTES)), packageId);
  }
}

function offerOf(answer: z.ZodSafeParseResult<z.infer<typeof Answer>>, packageId: string): Offer {
  if (!answer.success)
    throw new DeviceError('PROTOCOL', 'The store answered in a form that this device does not know.');
  const problem = answer.data.errors?.[0];
  if (problem !== undefined) throw new DeviceError('PROTOCOL', `The store answered: ${problem.message}`);
  const app = answer.data.data?.storeApp ?? null;
  if (app === null) throw new DeviceError('NOT_FOUND', `The store has no app ${packageId}.`);
  if (app.packageId !== packageId)
    throw new DeviceError('PROTOCOL', `The store answered with ${app.packageId} when asked for ${packageId}.`);
  const { versionCode, versionName, packageSize, packageSha256, permissions } = app.version;
  return {
    packageId,
    name: app.name,
    versionCode,
    versionName,
    sizeBytes: packageSize,
    sha256: packageSha256,
    permissions,
  };
}
