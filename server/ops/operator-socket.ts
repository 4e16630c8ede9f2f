/**
 * Owns the private channel of a running server: a Unix socket that only the account which runs the server can open. Whoever opens it
 * could read the data folder anyway, so nothing more is asked. It knows no command.
 */
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { DomainError } from '../errors.ts';
import type { Log } from '../platform/log.ts';
import type { OperatorDesk } from './operator-desk.ts';
import { MAX_LINE_BYTES, type Reply, requestSchema } from './operator-protocol.ts';

/** sun_path has 104 bytes on some systems, with the zero at the end. */
const MAX_PATH_BYTES = 100;
/** An operator types: whoever holds a connection open this long without a line is none. */
const IDLE_MS = 60_000;
const MAX_CONNECTIONS = 16;

/** Whether this system has sockets that a file's mode guards; Windows has not. */
export const HAS_OPERATOR_SOCKET = process.platform !== 'win32';

/**
 * Where the socket of a data folder is: in it, or, where that path is too long for a socket, in a folder of one's own under the
 * temporary folder, named after the data folder.
 */
export function operatorSocketPath(dataDir: string): string {
  const path = join(dataDir, 'operator.sock');
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return path;
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return join(tmpdir(), `mosis-${userInfo().uid}-${name}`, 'operator.sock');
}

export interface OperatorSocket {
  /** Answers what is under way, then closes and removes the socket. */
  close(): Promise<void>;
}

/**
 * Listens, mode 0600 from the first moment on. The caller holds the folder's lock, so a socket that is there is a dead process's. Does
 * nothing where the system has no such sockets.
 */
export async function listenForOperator(dataDir: string, desk: OperatorDesk, log: Log): Promise<OperatorSocket> {
  if (!HAS_OPERATOR_SOCKET) return { close: () => Promise.resolve() };
  const path = operatorSocketPath(dataDir);
  prepareFolder(dataDir, path);
  rmSync(path, { force: true });
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    serve(socket, desk, log);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await bind(server, path);
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
      await closed;
      rmSync(path, { force: true });
    },
  };
}

function prepareFolder(dataDir: string, path: string): void {
  const folder = dirname(path);
  if (folder === dataDir) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  if (uid !== userInfo().uid || (mode & 0o077) !== 0)
    throw new Error(`${folder} is not this account's alone: remove it, or set a shorter DATA_DIR`);
}

/** The name appears within `listen` itself, so the mask of that moment decides who may open it. */
function bind(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  const mask = process.umask(0o177);
  try {
    server.listen(path, resolve);
  } finally {
    process.umask(mask);
  }
  return promise.then(() => {
    server.off('error', reject);
    chmodSync(path, 0o600);
  });
}

function serve(socket: Socket, desk: OperatorDesk, log: Log): void {
  let text = '';
  let asked = false;
  socket.setEncoding('utf8');
  socket.setTimeout(IDLE_MS, () => {
    if (!asked) socket.destroy();
  });
  // The command may be gone before its answer: what it asked for was done.
  socket.on('error', () => socket.destroy());
  socket.on('data', (part: string) => {
    if (asked) return;
    text += part;
    const end = text.indexOf('\n');
    if (end === -1) {
      if (text.length > MAX_LINE_BYTES) socket.destroy();
      return;
    }
    asked = true;
    answer(text.slice(0, end), desk, log).then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
  });
}

async function answer(line: string, desk: OperatorDesk, log: Log): Promise<Reply> {
  try {
    const parsed = requestSchema.safeParse(parseJson(line));
    if (!parsed.success) {
      const message = 'The server does not know this command: it is of another version than mosis-admin.';
      return { error: { code: 'BAD_REQUEST', message } };
    }
    return { value: await desk(parsed.data) };
  } catch (error) {
    if (error instanceof DomainError) return { error: { code: error.code, message: error.message } };
    log.error({ err: error }, 'a command of the operator failed');
    return { error: { code: 'INTERNAL', message: 'The server failed at it; its log says why.' } };
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
