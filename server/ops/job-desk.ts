/** Owns what admins and the operator do to jobs. The queue's rows are jobs/queue's. */
import { type AdminAct, requireAdminAct } from '../accounts/acting.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Jobs } from '../jobs/service.ts';
import type { Work } from '../unit-of-work.ts';

export type JobDesk = ReturnType<typeof createJobDesk>;

export function createJobDesk({ work, jobs }: { readonly work: Work; readonly jobs: Pick<Jobs, 'retry' | 'wake'> }) {
  return {
    /** Has a dead job tried again. Throws FORBIDDEN, NOT_FOUND, or STATE_CONFLICT for one that is not dead. */
    async retry(act: AdminAct, jobId: string): Promise<void> {
      const actor = requireAdminAct(act);
      await work(async (unit) => {
        const job = await unit.tx.job.findUnique({ where: { id: jobId } });
        if (job === null) throw notFound('The job');
        if (!(await jobs.retry(unit.tx, jobId))) {
          const message = `The job is ${job.state}: only a dead job can be tried again.`;
          throw new DomainError('STATE_CONFLICT', message, { currentState: job.state });
        }
        unit.audit({
          ...actor,
          action: 'admin.retry_job',
          resourceType: 'job',
          resourceId: jobId,
          details: { kind: job.kind, key: job.key },
        });
        unit.afterCommit(jobs.wake);
      });
    },
  };
}
