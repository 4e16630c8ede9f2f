// One package on its way to the server: checksum, resumable upload, verdict. It owns the order of these and draws nothing.
import {
  type FindingFragment,
  StartUploadDocument,
  UploadVerdictDocument,
  type VersionRowFragment,
} from '#lib/graphql/generated/graphql.ts';
import { ask, mutate } from '#lib/graphql/query.svelte.ts';
import { t } from '#lib/messages/messages.ts';
import { fileSha256 } from '#lib/uploads/sha256.ts';
import { type Announced, TusSender } from '#lib/uploads/tus-sender.ts';

export type UploadPhase =
  | { name: 'idle' }
  | { name: 'hashing'; share: number }
  | { name: 'uploading'; sent: number; bytesPerSecond: number; paused: boolean; broken: boolean }
  | { name: 'verdict' }
  | { name: 'accepted'; version: VersionRowFragment }
  | { name: 'refused'; findings: readonly FindingFragment[] }
  | { name: 'failed'; message: string };

const VERDICT_POLL_MS = 700;

export class PackageUpload {
  #phase = $state.raw<UploadPhase>({ name: 'idle' });
  #sender: TusSender | undefined;
  #abort = new AbortController();

  get phase(): UploadPhase {
    return this.#phase;
  }

  /** Sends `file` for the app. Ends in the phase accepted, refused or failed. */
  async start(appId: string, file: File): Promise<void> {
    this.reset();
    const { signal } = this.#abort;
    try {
      this.#phase = { name: 'hashing', share: 0 };
      const sha256 = await fileSha256(file, (share) => (this.#phase = { name: 'hashing', share }), signal);
      const outcome = await mutate(StartUploadDocument, { input: { appId, size: file.size, sha256, via: 'PORTAL' } });
      signal.throwIfAborted();
      if (!outcome.ok) {
        this.#phase = { name: 'failed', message: outcome.problem.message };
        return;
      }
      const { id, url } = outcome.payload.upload;
      await this.#send(file, { uploadId: id, url, token: outcome.payload.token }, signal);
      this.#phase = { name: 'verdict' };
      await this.#awaitVerdict(id, signal);
    } catch (failure) {
      if (signal.aborted) return;
      this.#phase = { name: 'failed', message: failure instanceof Error ? failure.message : t.errors.unreachable };
    }
  }

  pause(): void {
    if (this.#phase.name !== 'uploading') return;
    this.#phase = { ...this.#phase, paused: true, bytesPerSecond: 0 };
    this.#sender?.pause();
  }

  resume(): void {
    if (this.#phase.name !== 'uploading') return;
    this.#phase = { ...this.#phase, paused: false };
    this.#sender?.resume();
  }

  /** Stops whatever runs and forgets it. */
  reset(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#sender?.pause();
    this.#sender = undefined;
    this.#phase = { name: 'idle' };
  }

  async #send(file: File, announced: Announced, signal: AbortSignal): Promise<void> {
    const startedMs = Date.now();
    this.#phase = { name: 'uploading', sent: 0, bytesPerSecond: 0, paused: false, broken: false };
    this.#sender = new TusSender(announced);
    await this.#sender.send(
      file,
      {
        onBroken: () => {
          if (this.#phase.name === 'uploading') this.#phase = { ...this.#phase, broken: true, bytesPerSecond: 0 };
        },
        onProgress: (sent) => {
          if (this.#phase.name !== 'uploading') return;
          const seconds = Math.max(0.25, (Date.now() - startedMs) / 1000);
          this.#phase = { ...this.#phase, sent, broken: false, bytesPerSecond: sent / seconds };
        },
      },
      signal,
    );
  }

  async #awaitVerdict(id: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { upload } = await ask(UploadVerdictDocument, { id });
      signal.throwIfAborted();
      if (!upload) throw new Error(t.submit.lost);
      if (upload.state === 'ACCEPTED' && upload.version) {
        this.#phase = { name: 'accepted', version: upload.version };
        return;
      }
      if (upload.state === 'REFUSED') {
        this.#phase = { name: 'refused', findings: upload.findings };
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, VERDICT_POLL_MS));
    }
  }
}
