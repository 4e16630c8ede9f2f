/** Owns what tests of reporting share: an app that counts as installed, and the batches that a store was sent. */
import { z } from 'zod';
import type { InstalledApp } from '../../device/storage.ts';

const Batch = z.strictObject({
  batch_id: z.uuid(),
  app_id: z.string(),
  app_version: z.string(),
  version_code: z.int(),
  mosis_version: z.string(),
  device_id: z.string().regex(/^[0-9a-f]{64}$/),
  consent: z.boolean(),
  sent_at: z.iso.datetime(),
  dropped: z.record(z.string(), z.int()).optional(),
  events: z.array(z.strictObject({ type: z.string(), at: z.iso.datetime(), data: z.unknown().optional() })),
});
export type Batch = z.infer<typeof Batch>;

/** The batches among what was posted, each checked for its form. */
export function readBatches(posts: readonly { readonly path: string; readonly body: unknown }[]): Batch[] {
  return posts.filter(({ path }) => path === '/v1/telemetry/events').map(({ body }) => Batch.parse(body));
}

/** A record of an installed app, without its files. */
export function installRecord(packageId: string): InstalledApp {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    packageId,
    name: 'Notes',
    versionCode: 1,
    versionName: '1.0.1',
    sha256: '0'.repeat(64),
    signerKeyId: 'SHA256:none',
    permissions: [],
    track: 'stable',
    pins: [],
    installedAt: at,
    updatedAt: at,
  };
}
