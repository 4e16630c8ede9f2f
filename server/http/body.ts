/** Owns reading a request body within a size and a time. It parses nothing. */
import type { IncomingMessage } from 'node:http';
import { DomainError } from '../errors.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/**
 * Reads the whole body. Throws BODY_TOO_LARGE past `maxBytes` (by header before a byte is read, else while counting)
 * and TIMEOUT when it has not arrived within `timeoutMs`.
 */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limits.maxBytes) return Promise.reject(tooLarge(limits.maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    const timer = setTimeout(() => {
      reject(new DomainError('TIMEOUT', `The body did not arrive within ${limits.timeoutMs / 1000} s. Send it again.`));
    }, limits.timeoutMs);
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.maxBytes) {
        request.pause();
        fail(tooLarge(limits.maxBytes));
        return;
      }
      chunks.push(chunk);
    });
    request.on('end', () => {
      clearTimeout(timer);
      const [only] = chunks;
      resolve(only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, size));
    });
    request.on('error', fail);
    request.on('close', () => {
      // Every request closes; an error with its stack is made only for those that did so too early.
      if (!request.complete) fail(new DomainError('BAD_REQUEST', 'The connection closed before the body had arrived.'));
    });
  });
}

function tooLarge(maxBytes: number): DomainError {
  return new DomainError('BODY_TOO_LARGE', `The body is over the limit of ${maxBytes} bytes. Send less at a time.`);
}
