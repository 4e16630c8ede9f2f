/** Owns asking a running server from the operator command. It decides nothing and prints nothing. */
import { lstatSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import type { ErrorCode } from '../errors.ts';
import {
  answerSchemas,
  MAX_LINE_BYTES,
  type OperatorAnswers,
  type OperatorRequest,
  type RequestOf,
  replySchema,
} from './operator-protocol.ts';
import { operatorSocketPath } from './operator-socket.ts';

/** A server that says nothing for so long does not answer. */
const ANSWER_MS = 10_000;

/** Nobody listens: no socket, or one that a dead process left. */
export class NoServer extends Error {
  override readonly name = 'NoServer';
}

/** What the operator can do something about; `next` is the command or act that helps. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code:
    | ErrorCode
    | 'USAGE'
    | 'FAILED'
    | 'NO_ANSWER'
    | 'UNSAFE_SOCKET'
    | 'FOLDER_IN_USE'
    | 'BEFORE_UNSIGNED'
    | 'ROOT_NOT_NEXT'
    | 'BEFORE_FORGED';
  readonly next: string | null;

  constructor(code: AdminError['code'], message: string, next: string | null = null) {
    super(message);
    this.code = code;
    this.next = next;
  }
}

export interface AskOptions {
  readonly dataDir: string;
  /** Default 10 s. */
  readonly answerMs?: number;
}

/**
 * Asks the server of the data folder. Throws NoServer where none listens, AdminError where the socket is not safe to use, the server does
 * not answer, or refuses.
 */
export async function askServer<Command extends OperatorRequest['command']>(
  request: RequestOf<Command>,
  { dataDir, answerMs = ANSWER_MS }: AskOptions,
): Promise<OperatorAnswers[Command]> {
  const path = operatorSocketPath(dataDir);
  requireOwnSocket(path);
  const line = await exchange(path, `${JSON.stringify(request)}\n`, answerMs);
  const reply = replySchema.safeParse(JSON.parse(line));
  if (!reply.success) throw otherVersion();
  if ('error' in reply.data) throw new AdminError(reply.data.error.code, reply.data.error.message);
  const value = answerSchemas[request.command].safeParse(reply.data.value);
  if (!value.success) throw otherVersion();
  // The schema is that of the command; a lookup by a generic key loses that.
  return value.data as OperatorAnswers[Command];
}

/** Somebody else's socket would be told what the operator asks for, passwords included. */
function requireOwnSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new NoServer();
  const isOurs = found.uid === userInfo().uid || userInfo().uid === 0;
  if (found.isSocket() && isOurs && (found.mode & 0o077) === 0) return;
  throw new AdminError(
    'UNSAFE_SOCKET',
    `${path} is not a socket of this account alone, so it is not used: others could read or answer what is asked.`,
    `run as the account that runs the server; if that is you: chmod 600 ${path}`,
  );
}

function exchange(path: string, request: string, answerMs: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(path);
  const noAnswer = () =>
    new AdminError(
      'NO_ANSWER',
      `A server holds the data folder and does not answer on ${path} within ${answerMs / 1000} s.`,
      'look at its log; stop it, then run the command again',
    );
  const timer = setTimeout(() => {
    reject(noAnswer());
    socket.destroy();
  }, answerMs);
  let text = '';
  socket.setEncoding('utf8');
  socket.on('connect', () => socket.write(request));
  socket.on('data', (part: string) => {
    text += part;
    if (text.length > MAX_LINE_BYTES) socket.destroy();
    else if (text.endsWith('\n')) resolve(text);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reject(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? new NoServer() : error);
  });
  socket.on('close', () => {
    const message = 'The server ended the connection before it answered. Whether it did what was asked is not known.';
    reject(new AdminError('NO_ANSWER', message, 'mosis-admin status'));
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

function otherVersion(): AdminError {
  const message = 'The server answers in a form that this mosis-admin does not know: they are of different versions.';
  return new AdminError('BAD_REQUEST', message, 'restart the server, or use the mosis-admin that came with it');
}
