/** Owns reading a request body within a size and a time. It parses nothing. */
import type { IncomingMessage } from 'node:http';
import { DomainError } from '../errors.ts';

/** Pieces that a body may come in: reading one costs as much as a small body, so the limits of requests would mean nothing. */
const MAX_PIECES = 4_096;
const LEAST_ROOM_BYTES = 4_096;

export interface BodyLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** Lets a body take longer than `timeoutMs` while it keeps moving; none may where this is left out. */
  readonly slow?: SlowBodies;
}

/** What a body has to keep to once `timeoutMs` are over. With `maxBytes` the least rate bounds the whole time, too. */
export interface SlowBodies {
  /** Bytes that it must have brought for each second past `timeoutMs`. */
  readonly leastBytesPerSecond: number;
  /** The longest pause between two of its pieces. */
  readonly idleMs: number;
  /** Takes one of the seats for slow bodies and gives what leaves it again, or null where none is free. */
  readonly seat: () => (() => void) | null;
}

/**
 * Reads the whole body. Throws BODY_TOO_LARGE past `maxBytes` (by header before a byte is read, else while counting) or
 * MAX_PIECES, and TIMEOUT when it has not arrived within `timeoutMs`, or is slower than `slow` lets it be.
 */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => takeBody(request, limits, { done: resolve, failed: reject }));
}

export interface BodyEnd {
  /** Called once with the body; what it throws goes to `failed`. */
  readonly done: (body: Buffer) => void;
  readonly failed: (error: unknown) => void;
}

/** The same without a promise, for an answer that would take less time than waiting for one. */
export function takeBody(request: IncomingMessage, limits: BodyLimits, end: BodyEnd): void {
  const announced = Number(headerOf(request, 'content-length') ?? 0);
  if (announced > limits.maxBytes) {
    end.failed(tooLarge(limits.maxBytes));
    return;
  }
  // Most bodies come with their head, in one piece: whatever watches over the others would cost more than reading one of these.
  let begun = false;
  const first = (chunk: Buffer): void => {
    begun = true;
    request.removeListener('data', first);
    if (chunk.length === announced) finish(end, chunk);
    else gatherBody(request, limits, end, chunk);
  };
  request.on('data', first);
  process.nextTick(() => {
    if (begun) return;
    request.removeListener('data', first);
    gatherBody(request, limits, end);
  });
}

function finish({ done, failed }: BodyEnd, body: Buffer): void {
  try {
    done(body);
  } catch (error) {
    failed(error);
  }
}

/** Puts a body together from its pieces, of which one may have come. */
function gatherBody(request: IncomingMessage, limits: BodyLimits, end: BodyEnd, first?: Buffer): void {
  let gathered: Gathered | null = gather(limits.maxBytes);
  let size = 0;
  let pieces = 0;
  const pace = watchPace(limits, () => {
    request.pause();
    gathered = null;
    end.failed(new DomainError('TIMEOUT', tooSlow(limits)));
  });
  const take = (chunk: Buffer): void => {
    if (gathered === null) return;
    size += chunk.length;
    pace.came(size);
    pieces += 1;
    if (size > limits.maxBytes || pieces > MAX_PIECES) {
      request.pause();
      pace.end();
      end.failed(size > limits.maxBytes ? tooLarge(limits.maxBytes) : tooManyPieces());
      return;
    }
    gathered.add(chunk);
  };
  if (first !== undefined) take(first);
  request.on('data', take);
  request.on('end', () => {
    pace.end();
    if (gathered !== null) finish(end, gathered.bytes());
  });
  // Also after an error, which a request tells only those who listen for it.
  request.on('close', () => {
    if (request.complete) return;
    pace.end();
    end.failed(new DomainError('BAD_REQUEST', 'The connection closed before the body had arrived.'));
  });
}

type Gathered = ReturnType<typeof gather>;

/** Puts pieces together as they come: kept apart, a piece of one byte holds hundreds. Most bodies are one, which is not copied. */
function gather(maxBytes: number) {
  let bytes: Buffer = Buffer.alloc(0);
  let size = 0;
  return {
    add(piece: Buffer): void {
      if (size === 0) bytes = piece;
      else {
        const needed = size + piece.length;
        if (needed > bytes.length) {
          const roomier = Buffer.allocUnsafeSlow(Math.min(maxBytes, Math.max(LEAST_ROOM_BYTES, 2 * needed)));
          bytes.copy(roomier, 0, 0, size);
          bytes = roomier;
        }
        piece.copy(bytes, size);
      }
      size += piece.length;
    },
    bytes: () => bytes.subarray(0, size),
  };
}

/** Tells `late` once when a body has fallen behind its limits. Time is the monotonic one: a clock that is set ends no body. */
function watchPace(limits: BodyLimits, late: () => void): { came(size: number): void; end(): void } {
  const { timeoutMs, slow } = limits;
  if (slow === undefined) {
    const timer = setTimeout(late, timeoutMs);
    return { came: () => undefined, end: () => clearTimeout(timer) };
  }
  const { idleMs, leastBytesPerSecond, seat } = slow;
  const graceEndMs = performance.now() + timeoutMs;
  let timer: NodeJS.Timeout | undefined = setTimeout(look, timeoutMs);
  let lastMs = performance.now();
  let size = 0;
  let leave: (() => void) | null = null;
  return {
    came(all) {
      size = all;
      lastMs = performance.now();
    },
    end,
  };

  function look(): void {
    const nowMs = performance.now();
    const dueMs = Math.min(lastMs + idleMs, graceEndMs + (size * 1_000) / leastBytesPerSecond);
    if (nowMs < dueMs) leave ??= seat();
    if (nowMs >= dueMs || leave === null) {
      end();
      late();
    } else timer = setTimeout(look, dueMs - nowMs);
  }

  function end(): void {
    clearTimeout(timer);
    leave?.();
    leave = null;
  }
}

function tooSlow({ timeoutMs, slow }: BodyLimits): string {
  const within = `The body did not arrive within ${timeoutMs / 1000} s`;
  if (slow === undefined) return `${within}. Send it again.`;
  return `${within}, nor at ${slow.leastBytesPerSecond} bytes a second after that. Send it again later, or less at a time.`;
}

/** The first value of a header, given in lower case: `request.headers` makes an object of all of them when it is asked for. */
export function headerOf({ rawHeaders }: IncomingMessage, name: string): string | undefined {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at] ?? '';
    if (given.length === name.length && given.toLowerCase() === name) return rawHeaders[at + 1];
  }
  return undefined;
}

function tooLarge(maxBytes: number): DomainError {
  return new DomainError('BODY_TOO_LARGE', `The body is over the limit of ${maxBytes} bytes. Send less at a time.`);
}

function tooManyPieces(): DomainError {
  return new DomainError('BODY_TOO_LARGE', `The body came in over ${MAX_PIECES} pieces. Send larger ones.`);
}
