/** Owns the writer's thread: it answers the messages of writer.ts one after the other, and flushes by its own timer. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Trimmed } from './aggregate-trim.ts';
import { createRecorder, type Outcome } from './recorder.ts';
import { type PackedRows, unpackRows } from './row-pack.ts';

export interface WriterData {
  readonly dir: string;
  readonly flushIntervalMs: number;
}

export type WriterRequest =
  | { readonly kind: 'record'; readonly group: PackedRows }
  | { readonly kind: 'flush' }
  | { readonly kind: 'export'; readonly app: string; readonly devices: readonly Uint8Array[]; readonly path: string }
  | { readonly kind: 'erase'; readonly app: string; readonly devices: readonly Uint8Array[] }
  | { readonly kind: 'drop'; readonly nowMs: number; readonly keepDays: number }
  | { readonly kind: 'trim'; readonly day: number; readonly after: number }
  | { readonly kind: 'close' };

export type WriterReply =
  | { readonly kind: 'outcomes'; readonly outcomes: readonly Outcome[] }
  | { readonly kind: 'done'; readonly count: number }
  /** The months dropped, and the oldest one left; null without any. */
  | { readonly kind: 'dropped'; readonly months: readonly string[]; readonly oldest: string | null }
  | { readonly kind: 'trimmed'; readonly trimmed: Trimmed }
  | { readonly kind: 'failed'; readonly message: string };

/** What the thread sends: a reply to the request of that number, that it is ready, or something to log. */
export type WriterMessage =
  | { readonly id: number; readonly reply: WriterReply }
  | { readonly ready: true }
  | { readonly warning: string };

const port = parentPort;
if (port !== null) run(port, workerData);

function run(to: NonNullable<typeof parentPort>, data: WriterData): void {
  const send = (message: WriterMessage): void => to.postMessage(message);
  const recorder = createRecorder(data.dir, (warning) => send({ warning }));
  const timer = setInterval(() => recorder.flush(), data.flushIntervalMs);
  to.on('message', ({ id, request }: { readonly id: number; readonly request: WriterRequest }) => {
    send({ id, reply: answer(request) });
    if (request.kind === 'close') to.close();
  });
  send({ ready: true });

  function answer(request: WriterRequest): WriterReply {
    try {
      return act(request);
    } catch (error) {
      return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
  }

  function act(request: WriterRequest): WriterReply {
    switch (request.kind) {
      case 'record':
        return { kind: 'outcomes', outcomes: recorder.record(unpackRows(request.group)) };
      case 'flush':
        return recorder.flush()
          ? { kind: 'done', count: 0 }
          : { kind: 'failed', message: 'The aggregates could not be written' };
      case 'export':
        recorder.exportDevice(request.app, request.devices, request.path);
        return { kind: 'done', count: 0 };
      case 'erase':
        return { kind: 'done', count: recorder.erase(request.app, request.devices) };
      case 'drop':
        return { kind: 'dropped', ...recorder.dropMonths(request.nowMs, request.keepDays) };
      case 'trim':
        return { kind: 'trimmed', trimmed: recorder.trimAggregates(request.day, request.after) };
      case 'close':
        clearInterval(timer);
        recorder.close();
        return { kind: 'done', count: 0 };
    }
  }
}
