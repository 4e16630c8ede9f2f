/** Owns the payload and the key of `check-version` jobs. */
import { z } from 'zod';

const checkJobSchema = z.object({ versionId: z.string(), round: z.int() });

/** Parses the payload; throws for one that no version of this server wrote. */
export function parseCheckJob(payload: unknown): z.output<typeof checkJobSchema> {
  return checkJobSchema.parse(payload);
}

/** The key of the one job that checks a version in a round. */
export function checkJobKey({ id, round }: { readonly id: string; readonly round: number }): string {
  return `check:${id}:${round}`;
}
