/**
 * Owns the way into the writer's thread: a bounded queue, group commit (what arrives while a transaction runs goes into the
 * next one), and the thread's life. A batch is answered only after the COMMIT that holds it.
 */
import { Worker } from 'node:worker_threads';
import { DomainError } from '../errors.ts';
import type { Log } from '../platform/log.ts';
import { packedCount } from './bodies.ts';
import { TELEMETRY_LIMITS } from './limits.ts';
import { packRows } from './row-pack.ts';
import type { BatchRow } from './rows.ts';
import type { WriterData, WriterMessage, WriterReply, WriterRequest } from './writer-thread.ts';

/** Groups on their way at once: one being committed, one waiting in the thread, so that it never idles. */
const GROUPS_IN_FLIGHT = 2;
const RESTART_MS = 1_000;
/** What a group leaves behind is short-lived; more room would only be filled before it is cleared. */
const YOUNG_MB = 12;
/** A thread without work for so long ends; the next batch starts it again (about 0.1 s). An idle server stays small. */
const DEFAULT_REST_MS = 5_000;

interface Waiting {
  readonly row: BatchRow;
  readonly resolve: (answer: string) => void;
  readonly reject: (error: unknown) => void;
}

export interface WriterOptions {
  readonly dir: string;
  readonly log: Log;
  readonly flushIntervalMs?: number;
  /** Idle time after which the thread ends; default 5 s. */
  readonly restMs?: number;
}

export type Writer = ReturnType<typeof createWriter>;

/** Makes the writer; `start` before anything else, `stop` at the end. */
export function createWriter(options: WriterOptions) {
  const { dir, log, flushIntervalMs = TELEMETRY_LIMITS.flushIntervalMs, restMs = DEFAULT_REST_MS } = options;
  const data: WriterData = { dir, flushIntervalMs };
  let worker: Worker | null = null;
  let state: 'off' | 'on' | 'stopping' = 'off';
  let restart: NodeJS.Timeout | null = null;
  let queue: Waiting[] = [];
  let queuedEvents = 0;
  let groupsInFlight = 0;
  let lastUseMs = 0;
  let restTimer: NodeJS.Timeout | null = null;
  /** While the thread rests: resolves when the last one has gone. */
  let resting: Promise<void> | null = null;
  let waking: Promise<void> | null = null;
  let nextId = 1;
  const replies = new Map<number, { resolve: (reply: WriterReply) => void; reject: (error: Error) => void }>();

  return { start, stop, write, request };

  /** Starts the thread; resolves once its files are open and the aggregates are caught up. Throws when they cannot be. */
  async function start(): Promise<void> {
    if (state === 'on') return;
    state = 'on';
    try {
      await spawn();
      lastUseMs = performance.now();
      restTimer = setInterval(restIfIdle, restMs).unref();
    } catch (error) {
      state = 'off';
      throw error;
    }
  }

  /** Stores what is queued, flushes, ends the thread. New batches are refused from the call on. */
  async function stop(): Promise<void> {
    if (state !== 'on') return;
    state = 'stopping';
    if (restart !== null) clearTimeout(restart);
    if (restTimer !== null) clearInterval(restTimer);
    await waking?.catch(() => undefined);
    await resting;
    while (worker !== null && (queue.length > 0 || groupsInFlight > 0))
      await new Promise((resolve) => setImmediate(resolve));
    const last = worker;
    if (last !== null) {
      const ended = new Promise((resolve) => last.once('exit', resolve));
      await ask(last, { kind: 'close' });
      await ended;
    }
    worker = null;
    state = 'off';
  }

  /**
   * Queues a batch and resolves with its first answer (JSON) once that is on the disk. Throws OVERLOADED when the queue is
   * full or the files cannot be written; the batch may then be sent again.
   */
  function write(row: BatchRow): Promise<string> {
    if (state !== 'on' || (worker === null && resting === null))
      return Promise.reject(overloaded('is starting or stopping', 5));
    const events = packedCount(row.events);
    if (queue.length >= TELEMETRY_LIMITS.maxQueuedBatches || queuedEvents + events > TELEMETRY_LIMITS.maxQueuedEvents) {
      return Promise.reject(overloaded('has more batches waiting than it can write', 2));
    }
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    queue.push({ row, resolve, reject });
    queuedEvents += events;
    // After this turn of the loop: everything that arrived in it shares a transaction.
    if (queue.length === 1) setImmediate(wakeAndPump);
    return promise;
  }

  /** Sends anything else to the thread. Throws when the thread ends before it answers. */
  async function request(message: WriterRequest): Promise<WriterReply> {
    if (worker === null && resting !== null && state === 'on') await wake();
    if (worker === null) throw overloaded('is starting or stopping', 5);
    return ask(worker, message);
  }

  async function record(rows: readonly BatchRow[]): Promise<WriterReply> {
    if (worker === null) throw overloaded('is starting or stopping', 5);
    const group = packRows(rows);
    return ask(worker, { kind: 'record', group }, [group.numbers.buffer, group.bytes.buffer]);
  }

  function ask(to: Worker, message: WriterRequest, transfer: ArrayBuffer[] = []): Promise<WriterReply> {
    lastUseMs = performance.now();
    const id = nextId;
    nextId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<WriterReply>();
    replies.set(id, { resolve, reject });
    to.postMessage({ id, request: message }, transfer);
    return promise;
  }

  /** Ends a thread that has nothing to do; it flushes first, and nothing can be queued to it any more. */
  function restIfIdle(): void {
    const last = worker;
    const busy = queue.length > 0 || groupsInFlight > 0 || replies.size > 0;
    if (last === null || busy || performance.now() - lastUseMs < restMs) return;
    worker = null;
    const ended = new Promise<void>((resolve) => last.once('exit', () => resolve()));
    resting = ended;
    ask(last, { kind: 'close' }).catch(() => undefined);
  }

  /** Starts the thread again, once the last one has let go of the files. */
  function wake(): Promise<void> {
    waking ??= (resting ?? Promise.resolve())
      .then(spawn)
      .then(() => {
        resting = null;
      })
      .finally(() => {
        waking = null;
      });
    return waking;
  }

  function wakeAndPump(): void {
    if (worker !== null || resting === null) {
      pump();
      return;
    }
    wake().then(pump, (error: unknown) => {
      const left = queue;
      queue = [];
      queuedEvents = 0;
      fail(left, error instanceof Error ? error.message : String(error));
    });
  }

  function pump(): void {
    while (worker !== null && queue.length > 0 && groupsInFlight < GROUPS_IN_FLIGHT) {
      const group = takeGroup();
      groupsInFlight += 1;
      record(group.map(({ row }) => row))
        .then((reply) => settle(group, reply))
        .catch((error: unknown) => fail(group, error instanceof Error ? error.message : String(error)))
        .finally(() => {
          groupsInFlight -= 1;
          pump();
        });
    }
  }

  function takeGroup(): Waiting[] {
    let events = 0;
    let size = 0;
    for (const { row } of queue) {
      events += packedCount(row.events);
      if (size > 0 && events > TELEMETRY_LIMITS.maxEventsPerCommit) break;
      size += 1;
    }
    const group = queue.slice(0, size);
    queue = queue.slice(size);
    for (const { row } of group) queuedEvents -= packedCount(row.events);
    return group;
  }

  function settle(group: readonly Waiting[], reply: WriterReply): void {
    if (reply.kind !== 'outcomes') {
      fail(group, reply.kind === 'failed' ? reply.message : 'unexpected reply');
      return;
    }
    for (const [index, waiting] of group.entries()) {
      const outcome = reply.outcomes[index];
      if (outcome !== undefined && 'answer' in outcome) waiting.resolve(outcome.answer);
      else fail([waiting], outcome?.failure ?? 'no outcome');
    }
  }

  function fail(group: readonly Waiting[], reason: string): void {
    log.error({ reason, batches: group.length }, 'telemetry could not be stored');
    for (const waiting of group) waiting.reject(overloaded('cannot write to its disk', 30));
  }

  function spawn(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // The parent's flags may be a test runner's or a debugger's; the thread needs none.
    const started = new Worker(new URL('./writer-thread.ts', import.meta.url), {
      workerData: data,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    started.on('message', (message: WriterMessage) => {
      if ('ready' in message) {
        worker = started;
        resolve();
      } else if ('warning' in message) log.warn(message.warning);
      else {
        replies.get(message.id)?.resolve(message.reply);
        replies.delete(message.id);
      }
    });
    started.on('error', (error) => {
      log.error({ err: error }, 'the telemetry writer failed');
      reject(error);
    });
    started.on('exit', () => {
      const failure = new Error('The telemetry writer ended');
      reject(failure);
      for (const waiting of replies.values()) waiting.reject(failure);
      replies.clear();
      if (worker !== started) return;
      worker = null;
      const left = queue;
      queue = [];
      queuedEvents = 0;
      if (left.length > 0) fail(left, failure.message);
      if (state === 'on') respawn();
    });
    return promise;
  }

  /** The new thread replays from the watermarks, so nothing acknowledged is missing afterwards. */
  function respawn(): void {
    restart = setTimeout(() => {
      spawn().catch(() => {
        if (state === 'on') respawn();
      });
    }, RESTART_MS);
  }
}

function overloaded(why: string, retryAfterSeconds: number): DomainError {
  return new DomainError('OVERLOADED', `The telemetry store ${why}. Keep the batch and send it again later.`, {
    retryAfterSeconds,
  });
}
