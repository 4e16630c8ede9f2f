/** Owns how log lines look. Secrets never get here: callers log ids, and the usual places are blanked all the same. */
import { type Logger, pino } from 'pino';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'child' | 'isLevelEnabled'>;

const BLANKED = ['password', 'token', 'secret', 'authorization', 'cookie', '*.password', '*.token', '*.secret'];

/** Makes the process's logger; one JSON line an entry on standard output. */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: BLANKED, censor: '[blanked]' },
  });
}
