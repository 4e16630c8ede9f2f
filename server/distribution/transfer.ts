/**
 * Owns moving a part of an open file, or bytes in memory, into a response: one piece at a time, the next only after the last went
 * to the system. A reader that takes no piece within its time is cut off. It knows no package.
 */
import { read } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { Buffers } from './buffers.ts';

export interface TransferOptions {
  readonly buffers: Buffers;
  /** A reader must take 256 KiB, or a smaller buffer, within this time. */
  readonly idleMs: number;
}

/** Where to read. The caller keeps the descriptor open until the transfer settles. */
export interface FilePart {
  readonly descriptor: number;
  /** Offset in bytes. */
  readonly start: number;
  readonly length: number;
}

export const TRANSFER_ENDS = ['sent', 'gone', 'idle'] as const;
/** How a transfer ended: all bytes given to the system, the reader left, or it was cut off for taking nothing. */
export type TransferEnd = (typeof TRANSFER_ENDS)[number];

export interface Transfer {
  readonly end: TransferEnd;
  /** Given to the system before the end. */
  readonly bytes: number;
}

/** Writes the part as the body of a response whose head (with Content-Length) is set. Throws when the file is too short. */
export async function sendPart(response: ServerResponse, part: FilePart, options: TransferOptions): Promise<Transfer> {
  const { buffers, idleMs } = options;
  let position = part.start;
  let left = part.length;
  let buffer: Buffer | null = buffers.take();
  const watch = watchReader(response, idleTime(buffer.length, idleMs));
  try {
    while (left > 0 && !watch.ended()) {
      const wanted = Math.min(left, buffer.length);
      const got = await readAt(part.descriptor, buffer, wanted, position);
      if (got === 0) throw new Error(`A stored file ended ${left} bytes before the size on record`);
      if (watch.ended()) break;
      const taken = await watch.write(buffer.subarray(0, got));
      if (!taken) {
        // The system may still be sending from it, so it is not used again.
        buffers.abandon(buffer);
        buffer = null;
        break;
      }
      position += got;
      left -= got;
    }
  } finally {
    watch.stop();
    if (buffer !== null) buffers.giveBack(buffer);
  }
  if (left === 0 && !watch.ended()) response.end();
  const end = watch.idle() ? 'idle' : left > 0 || watch.ended() ? 'gone' : 'sent';
  return { end, bytes: part.length - left };
}

/** What a reader must take within the idle time; more at once may take longer. */
const BYTES_AN_IDLE_TIME = 256 * 1024;

function idleTime(bytes: number, idleMs: number): number {
  return idleMs * Math.ceil(bytes / BYTES_AN_IDLE_TIME);
}

/** Bytes of memory given to the system at once: a small file in one write. */
const PIECE_BYTES = 1024 * 1024;

/** Writes bytes as the body of a response whose head (with Content-Length) is set. Nothing may change them until it settles. */
export async function sendBytes(
  response: ServerResponse,
  bytes: Buffer,
  { idleMs }: Pick<TransferOptions, 'idleMs'>,
): Promise<Transfer> {
  const watch = watchReader(response, idleTime(Math.min(bytes.length, PIECE_BYTES), idleMs));
  let sent = 0;
  try {
    while (sent < bytes.length && !watch.ended()) {
      const piece = bytes.subarray(sent, sent + PIECE_BYTES);
      if (!(await watch.write(piece))) break;
      sent += piece.length;
    }
  } finally {
    watch.stop();
  }
  const isWhole = sent === bytes.length;
  if (isWhole && !watch.ended()) response.end();
  const end = watch.idle() ? 'idle' : isWhole && !watch.ended() ? 'sent' : 'gone';
  return { end, bytes: sent };
}

function readAt(descriptor: number, buffer: Buffer, length: number, position: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  read(descriptor, buffer, 0, length, position, (error, got) => (error === null ? resolve(got) : reject(error)));
  return promise;
}

/** Follows the response: resolves each write, and ends everything when the reader leaves or is idle. */
function watchReader(response: ServerResponse, idleMs: number) {
  let ended = response.destroyed;
  let idle = false;
  let settle: ((taken: boolean) => void) | null = null;

  const finish = (taken: boolean): void => {
    const waiting = settle;
    settle = null;
    waiting?.(taken);
  };
  const onClose = (): void => {
    ended = true;
    finish(false);
  };
  const timer = setTimeout(() => {
    idle = true;
    response.destroy();
  }, idleMs);
  response.once('close', onClose);

  return {
    ended: () => ended,
    idle: () => idle,
    /** Whether the system took all bytes. */
    write(chunk: Buffer): Promise<boolean> {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      settle = resolve;
      response.write(chunk, (error) => {
        timer.refresh();
        finish(error === undefined || error === null);
      });
      return promise;
    },
    stop(): void {
      clearTimeout(timer);
      response.off('close', onClose);
    },
  };
}
