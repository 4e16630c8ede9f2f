/** Owns the payload of `check-version` jobs. */
import { z } from 'zod';

const checkJobSchema = z.object({ versionId: z.string(), round: z.int() });

/** Parses the payload; throws for one that no version of this server wrote. */
export function parseCheckJob(payload: unknown): z.output<typeof checkJobSchema> {
  return checkJobSchema.parse(payload);
}
