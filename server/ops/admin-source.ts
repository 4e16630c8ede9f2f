/**
 * Owns where the answers of `mosis-admin` come from: the running server, or, where none runs, the data folder itself, which it then
 * holds like a server would. It never uses a folder that somebody else holds.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { DomainError } from '../errors.ts';
import { systemClock } from '../platform/clock.ts';
import { FolderInUse } from '../platform/db/lock.ts';
import { createLog } from '../platform/log.ts';
import { AdminError, askServer, NoServer } from './operator-client.ts';
import { createOperatorDesk } from './operator-desk.ts';
import type { OperatorAnswers, OperatorRequest, RequestOf } from './operator-protocol.ts';
import { HAS_OPERATOR_SOCKET } from './operator-socket.ts';

export interface AdminSource {
  /** Whether a server answers; else this process holds the folder. */
  readonly runs: boolean;
  readonly dataDir: string;
  ask<Command extends OperatorRequest['command']>(request: RequestOf<Command>): Promise<OperatorAnswers[Command]>;
  /** Does jobs here until `stop`, where no server does them. */
  work(): { stop(): Promise<void> };
  close(): Promise<void>;
}

/** These may sign every file of the repository anew. */
const SLOW: ReadonlySet<OperatorRequest['command']> = new Set(['prepareRoot', 'publishRoot']);
const SLOW_ANSWER_MS = 15 * 60_000;

/** Throws AdminError: nobody has made the folder, its holder does not answer, or the socket is not safe to use. */
export async function openSource(config: Config): Promise<AdminSource> {
  const { dataDir } = config;
  if (!existsSync(join(dataDir, 'core.db'))) {
    const message = `There is no installation in ${dataDir}: it has no core.db.`;
    throw new AdminError('NOT_FOUND', message, 'set DATA_DIR to the folder of the server, or start one: npm start');
  }
  try {
    await askServer({ command: 'status' }, { dataDir });
    const ask: AdminSource['ask'] = (request) =>
      askServer(request, SLOW.has(request.command) ? { dataDir, answerMs: SLOW_ANSWER_MS } : { dataDir });
    return { runs: true, dataDir, ask, work: () => ({ stop: async () => {} }), close: async () => {} };
  } catch (error) {
    if (!(error instanceof NoServer)) throw error;
  }
  return holdFolder(config);
}

async function holdFolder(config: Config): Promise<AdminSource> {
  const { dataDir, publicUrl } = config;
  const stack = new AsyncDisposableStack();
  try {
    // Only here: asking a running server loads nothing of one.
    const { openInstallation } = await import('../app.ts');
    const log = createLog('silent');
    const { db, services } = await openInstallation(config, { log, clock: systemClock }, stack);
    const desk = createOperatorDesk({ services, db, dataDir, publicUrl, startedAt: systemClock.now() });
    return {
      runs: false,
      dataDir,
      async ask(request) {
        try {
          // The desk answers each request with what its command answers.
          return (await desk(request)) as OperatorAnswers[typeof request.command];
        } catch (error) {
          throw error instanceof DomainError ? new AdminError(error.code, error.message) : error;
        }
      },
      work() {
        const started = services.jobs.start({ alone: true });
        return {
          async stop() {
            await started;
            await services.jobs.stop({ releaseLeases: true });
          },
        };
      },
      close: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error instanceof FolderInUse ? heldBy(error) : error;
  }
}

/** A holder whose socket nobody answers on: an older server, one that starts or stops, or another command. */
export function heldBy({ message }: FolderInUse): AdminError {
  const how = HAS_OPERATOR_SOCKET
    ? 'Its holder does not answer: it is starting or stopping, or another mosis-admin.'
    : 'On this system a running server cannot be asked.';
  return new AdminError(
    'FOLDER_IN_USE',
    `${message}. ${how}`,
    'wait a moment and try again; if it stays so, stop the holder',
  );
}
