/** Owns the GraphQL types of check runs and findings, wherever a finding is shown from. */
import { z } from 'zod';
import type { VersionFinding } from '../generated/prisma/client.ts';
import { builder } from '../graphql/builder.ts';
import { CHECK_STATES } from '../validation/check-records.ts';

export const SEVERITIES = ['ERROR', 'WARNING', 'NOTICE'] as const;

export const SeverityEnum = builder.enumType('FindingSeverity', {
  description: 'What a finding does.',
  values: {
    ERROR: { description: 'Blocks the version.' },
    WARNING: { description: 'Sends the version to a person.' },
    NOTICE: { description: 'Only informs.' },
  } satisfies Record<(typeof SEVERITIES)[number], object>,
});

export const CheckStateEnum = builder.enumType('CheckState', {
  description: 'How far a check is and what it came to.',
  values: {
    RUNNING: { description: 'Not finished.' },
    PASSED: { description: 'Nothing, or only notices.' },
    WARNED: { description: 'At least one warning.' },
    FAILED: { description: 'At least one error.' },
    CRASHED: { description: 'Did not finish; a person looks instead.' },
  } satisfies Record<(typeof CHECK_STATES)[number], object>,
});

/** A finding as rows, uploads and events carry it. */
const findingSchema = z.object({
  code: z.string(),
  severity: z.enum(SEVERITIES),
  message: z.string(),
  help: z.string(),
  file: z.string().nullish(),
  line: z.number().nullish(),
  column: z.number().nullish(),
});

/** Reads a finding from JSON of ours, in the shape of a row; `id` names it. */
export function findingOf(value: unknown, id: string): VersionFinding {
  const { file = null, line = null, column = null, ...rest } = findingSchema.parse(value);
  return { ...rest, file, line, column, id, versionId: '', checkRunId: '', position: 0 };
}

export const FindingType = builder.prismaObject('VersionFinding', {
  name: 'Finding',
  description: 'One thing a check has to say about a package.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Names the finding, for comments.' }),
    code: t.exposeString('code', { description: 'Stable code with an entry in the catalogue.' }),
    severity: t.field({
      type: SeverityEnum,
      description: 'What it does.',
      resolve: ({ severity }) => SEVERITIES.find((known) => known === severity) ?? 'ERROR',
    }),
    message: t.exposeString('message', { description: 'What is wrong here.' }),
    help: t.exposeString('help', { description: 'What to do about it.' }),
    file: t.exposeString('file', {
      nullable: true,
      description: 'Path in the package; null where the whole package is meant.',
    }),
    line: t.exposeInt('line', { nullable: true, description: 'From 1; null without a line.' }),
    column: t.exposeInt('column', { nullable: true, description: 'From 1; null without a column.' }),
  }),
});

export const CheckRunType = builder.prismaObject('CheckRun', {
  name: 'CheckRun',
  description: 'One check of one version.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Names the run.' }),
    name: t.exposeString('check', { description: 'Which check: `lua`, `manifest`, …' }),
    state: t.field({
      type: CheckStateEnum,
      description: 'How far it is.',
      resolve: ({ state }) => CHECK_STATES.find((known) => known === state) ?? 'CRASHED',
    }),
    errors: t.exposeInt('errors', { description: 'Findings that block.' }),
    warnings: t.exposeInt('warnings', { description: 'Findings that send it to a person.' }),
    notices: t.exposeInt('notices', { description: 'Findings that only inform.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it began.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended; null while it runs.',
    }),
  }),
});
