/** Owns how many downloads run at once, in all and for one address, so that buffers and descriptors stay bounded. */
import { DomainError } from '../errors.ts';

const RETRY_AFTER_SECONDS = 2;

export interface Admission {
  /** Counts a download in; call the result once when it ends. Throws OVERLOADED or RATE_LIMITED. */
  enter(address: string): () => void;
  running(): number;
}

/** At most `maxRunning` downloads, `maxPerAddress` of them for one address. */
export function createAdmission({
  maxRunning,
  maxPerAddress,
}: {
  maxRunning: number;
  maxPerAddress: number;
}): Admission {
  const perAddress = new Map<string, number>();
  let running = 0;
  return {
    enter(address) {
      if (running >= maxRunning) {
        throw new DomainError('OVERLOADED', `${maxRunning} downloads run already. Try again in a moment.`, {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        });
      }
      const own = perAddress.get(address) ?? 0;
      if (own >= maxPerAddress) {
        throw new DomainError(
          'RATE_LIMITED',
          `Your address has ${own} downloads running; that is the most. Let one end first.`,
          {
            retryAfterSeconds: RETRY_AFTER_SECONDS,
          },
        );
      }
      running += 1;
      perAddress.set(address, own + 1);
      return () => {
        running -= 1;
        const left = (perAddress.get(address) ?? 1) - 1;
        if (left === 0) perAddress.delete(address);
        else perAddress.set(address, left);
      };
    },
    running: () => running,
  };
}
