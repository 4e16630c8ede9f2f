/** Owns the GraphQL mutations on the job queue. Rules are in the service. */
import { builder } from '../graphql/builder.ts';
import { JobType } from './schema.ts';

const RetryJobInput = builder.inputType('RetryJobInput', {
  description: 'Which dead job.',
  fields: (t) => ({ jobId: t.globalID({ for: JobType, required: true, description: 'The job.' }) }),
});

const RetryJobPayload = builder.objectRef<{ jobId: string }>('RetryJobPayload').implement({
  description: 'The job is tried again.',
  fields: (t) => ({
    job: t.prismaField({
      type: JobType,
      description: 'The job as it is now.',
      resolve: (query, { jobId }, _args, { db }) => db.prisma.job.findUniqueOrThrow({ ...query, where: { id: jobId } }),
    }),
  }),
});

builder.mutationField('retryJob', (t) =>
  t.field({
    type: RetryJobPayload,
    errors: {},
    authScopes: { admin: true },
    description: 'Has a dead job tried again, with as many tries as a new one. Admins only.',
    args: { input: t.arg({ type: RetryJobInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      await services.jobDesk.retry({ viewer, origin: caller }, input.jobId.id);
      return { jobId: input.jobId.id };
    },
  }),
);
