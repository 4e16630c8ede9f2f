/**
 * Owns what passes between the operator command and a server: one JSON line asked, one answered, a connection each. Both ends parse
 * it, since a server may be of another version than the command.
 */
import { z } from 'zod';
import { ROLES } from '../accounts/operator-acts.ts';
import { METADATA_WARNINGS } from '../distribution/metadata/health.ts';
import { ONLINE_ROLES } from '../distribution/metadata/role-keys.ts';
import { ROOT_CHANGES } from '../distribution/metadata/root-desk.ts';
import { MAX_ROOT_BYTES, MAX_ROOT_KEYS } from '../distribution/metadata/root-draft.ts';
import { ERROR_CODES } from '../errors.ts';
import { JOB_STATES } from '../jobs/types.ts';
import { RESCAN_STATES } from '../validation/rescan-parts.ts';
import { retentionReportSchema } from '../versions/package-retention.ts';
import { packageRetentionSchema } from '../versions/package-retention-settings.ts';

/** Bytes of one line, either way. */
export const MAX_LINE_BYTES = 1 << 20;

const id = z.string().min(1).max(100);
const email = z.string().min(3).max(254);
const packageId = z.string().min(3).max(128);
const reason = z.string().max(4000);
/** A root with the one before it, as JSON. */
const rootFile = z.string().max(2 * MAX_ROOT_BYTES);

export const requestSchema = z.discriminatedUnion('command', [
  z.object({ command: z.literal('status') }),
  z.object({ command: z.literal('rescan') }),
  z.object({ command: z.literal('rescans'), id: id.nullable() }),
  z.object({ command: z.literal('cancelRescan'), id }),
  z.object({ command: z.literal('jobs'), state: z.enum(JOB_STATES).nullable() }),
  z.object({ command: z.literal('retry'), id }),
  z.object({ command: z.literal('role'), email, role: z.enum(ROLES), granted: z.boolean() }),
  z.object({ command: z.literal('resetPassword'), email }),
  z.object({ command: z.literal('suspendApp'), packageId, reason }),
  z.object({ command: z.literal('reinstateApp'), packageId, reason }),
  z.object({ command: z.literal('settings') }),
  z.object({ command: z.literal('rotateTelemetrySecret') }),
  z.object({ command: z.literal('startRetention'), dryRun: z.boolean() }),
  z.object({ command: z.literal('retention'), key: id }),
  z.object({ command: z.literal('noteBackup'), folder: z.string().max(4096), bytes: z.number(), files: z.number() }),
  z.object({ command: z.literal('rootStatus') }),
  z.object({
    command: z.literal('prepareRoot'),
    change: z.enum(ROOT_CHANGES),
    keys: z
      .array(z.string().regex(/^[0-9a-f]{64}$/))
      .max(MAX_ROOT_KEYS)
      .nullable(),
    threshold: z.int().min(1).max(MAX_ROOT_KEYS).nullable(),
    roles: z.array(z.enum(ONLINE_ROLES)).max(ONLINE_ROLES.length),
  }),
  z.object({ command: z.literal('publishRoot'), file: rootFile }),
  z.object({ command: z.literal('importRoots'), files: z.array(rootFile).min(1).max(256) }),
]);
export type OperatorRequest = z.output<typeof requestSchema>;

const rescanSchema = z.object({
  id: z.string(),
  state: z.enum(RESCAN_STATES),
  ruleset: z.string(),
  total: z.number(),
  checked: z.number(),
  flagged: z.number(),
  crashed: z.number(),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
});
export type RescanAnswer = z.output<typeof rescanSchema>;

const jobSchema = z.object({
  id: z.string(),
  kind: z.string(),
  key: z.string(),
  state: z.string(),
  attempt: z.number(),
  maxAttempts: z.number(),
  createdAt: z.string(),
  progress: z.unknown(),
  lastError: z.string().nullable(),
});

const rootSchema = z.object({
  root: z.object({
    version: z.number(),
    expires: z.string(),
    development: z.boolean(),
    threshold: z.number(),
    keys: z.array(z.string()),
  }),
  online: z.array(z.object({ role: z.enum(ONLINE_ROLES), key: z.string().nullable(), waits: z.string().nullable() })),
  timestampExpires: z.string().nullable(),
  warnings: z.array(z.object({ code: z.enum(METADATA_WARNINGS), message: z.string() })),
});
export type RootAnswer = z.output<typeof rootSchema>;

const counts = z.record(z.string(), z.number());

/** What each command answers. */
export const answerSchemas = {
  status: z.object({
    version: z.string(),
    pid: z.number(),
    startedAt: z.string(),
    publicUrl: z.string(),
    databaseBytes: z.number(),
    accounts: z.number(),
    publishedApps: z.number(),
    versions: z.number(),
    reviewsWaiting: z.number(),
    jobs: counts,
    setupNeeded: z.boolean(),
    rescan: rescanSchema.nullable(),
    metadata: rootSchema,
  }),
  rescan: rescanSchema,
  rescans: z.array(rescanSchema),
  cancelRescan: rescanSchema,
  jobs: z.array(jobSchema),
  retry: z.object({ id: z.string() }),
  role: z.object({ admin: z.boolean(), reviewer: z.boolean() }),
  resetPassword: z.object({ password: z.string(), sessionsEnded: z.number() }),
  suspendApp: z.object({ packageId: z.string(), status: z.string() }),
  reinstateApp: z.object({ packageId: z.string(), status: z.string() }),
  settings: z.array(z.object({ key: z.string(), value: z.unknown(), updatedAt: z.string() })),
  rotateTelemetrySecret: z.object({ secrets: z.number() }),
  startRetention: z.object({ key: z.string(), policy: packageRetentionSchema }),
  retention: z.object({
    state: z.enum(JOB_STATES),
    lastError: z.string().nullable(),
    report: retentionReportSchema.nullable(),
  }),
  noteBackup: z.object({ noted: z.literal(true) }),
  rootStatus: rootSchema,
  prepareRoot: rootSchema.extend({
    /** What root keys must sign; null where the change is in force already. */
    draft: z.string().nullable(),
  }),
  publishRoot: rootSchema,
  importRoots: rootSchema,
} as const satisfies Record<OperatorRequest['command'], z.ZodType>;
export type OperatorAnswers = { [Command in OperatorRequest['command']]: z.output<(typeof answerSchemas)[Command]> };
/** What is asked with a command. */
export type RequestOf<Command extends OperatorRequest['command']> = Extract<OperatorRequest, { command: Command }>;

/** A line of the answer. */
export const replySchema = z.union([
  z.object({ value: z.unknown() }),
  z.object({ error: z.object({ code: z.enum(ERROR_CODES).catch('INTERNAL'), message: z.string() }) }),
]);
export type Reply = z.input<typeof replySchema>;
