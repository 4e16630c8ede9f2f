/** Owns the shapes of signed metadata (TUF 1.0) as this device reads them. Unknown fields stay: they are signed too. */
import { z } from 'zod';

const hexKeyId = z.string().regex(/^[0-9a-f]{64}$/);
const expires = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/);
const version = z.int().min(1);
const specVersion = z.string().regex(/^1\.\d+(?:\.\d+)?$/);
const common = { spec_version: specVersion, version, expires };

const key = z.looseObject({
  keytype: z.string(),
  scheme: z.string(),
  keyval: z.looseObject({ public: z.string().max(4_096) }),
});
export type MetadataKey = z.infer<typeof key>;

const role = z.looseObject({ keyids: z.array(hexKeyId).max(64), threshold: z.int().min(1).max(64) });
export type MetadataRole = z.infer<typeof role>;

const keys = z.record(hexKeyId, key);

export const Root = z.looseObject({
  _type: z.literal('root'),
  ...common,
  consistent_snapshot: z.literal(true),
  keys,
  roles: z.looseObject({ root: role, targets: role, snapshot: role, timestamp: role }),
});
export type Root = z.infer<typeof Root>;

const metaFile = z.looseObject({
  version,
  length: z.int().min(1).optional(),
  hashes: z.record(z.string(), z.string()).optional(),
});
export type MetaFile = z.infer<typeof metaFile>;

export const Timestamp = z.looseObject({
  _type: z.literal('timestamp'),
  ...common,
  meta: z.looseObject({ 'snapshot.json': metaFile }),
});
export type Timestamp = z.infer<typeof Timestamp>;

export const Snapshot = z.looseObject({
  _type: z.literal('snapshot'),
  ...common,
  meta: z.record(z.string().max(200), metaFile),
});
export type Snapshot = z.infer<typeof Snapshot>;

const target = z.looseObject({
  length: z.int().min(1),
  hashes: z.looseObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  custom: z.looseObject({ mosis: z.unknown() }).optional(),
});
export type Target = z.infer<typeof target>;

export const Targets = z.looseObject({
  _type: z.literal('targets'),
  ...common,
  targets: z.record(z.string(), target),
  delegations: z
    .looseObject({
      keys,
      succinct_roles: z.looseObject({
        keyids: z.array(hexKeyId).max(64),
        threshold: z.int().min(1).max(64),
        bit_length: z.int().min(1).max(16),
        name_prefix: z.string().regex(/^[a-z][a-z0-9_]{0,30}$/),
      }),
    })
    .optional(),
});
export type Targets = z.infer<typeof Targets>;

/** A signed document before anybody believes it. */
export const Envelope = z.looseObject({
  signatures: z.array(z.looseObject({ keyid: hexKeyId, sig: z.string().regex(/^[0-9a-f]{0,256}$/) })).max(64),
  signed: z.looseObject({ _type: z.string() }),
});
export type Envelope = z.infer<typeof Envelope>;
