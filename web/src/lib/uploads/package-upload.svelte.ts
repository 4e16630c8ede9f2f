// One package on its way to the server: checksum, resumable upload, verdict. It owns the order of these and draws nothing.
import type { Upload } from 'tus-js-client';
import {
  type FindingFragment,
  RenewUploadDocument,
  StartUploadDocument,
  UploadVerdictDocument,
  type VersionRowFragment,
} from '#lib/graphql/generated/graphql.ts';
import { ask, mutate } from '#lib/graphql/query.svelte.ts';
import { t } from '#lib/messages/messages.ts';
import { fileSha256 } from '#lib/uploads/sha256.ts';

export type UploadPhase =
  | { name: 'idle' }
  | { name: 'hashing'; share: number }
  | { name: 'uploading'; sent: number; bytesPerSecond: number; paused: boolean; broken: boolean }
  | { name: 'verdict' }
  | { name: 'accepted'; version: VersionRowFragment }
  | { name: 'refused'; findings: readonly FindingFragment[] }
  | { name: 'failed'; message: string };

const VERDICT_POLL_MS = 700;
const TOKEN_MS = 50 * 60_000;
/** Waits between tries after a broken connection; the last one repeats for as long as the page is open. */
const RETRY_MS = [0, 1000, 2000, 4000, 8000, 15_000, ...Array.from({ length: 200 }, () => 20_000)];

export class PackageUpload {
  #phase = $state.raw<UploadPhase>({ name: 'idle' });
  #tus: Upload | undefined;
  #abort = new AbortController();
  #token = '';
  #tokenAtMs = 0;

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
      this.#token = outcome.payload.token;
      this.#tokenAtMs = Date.now();
      await this.#send(file, id, url);
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
    void this.#tus?.abort();
  }

  resume(): void {
    if (this.#phase.name !== 'uploading') return;
    this.#phase = { ...this.#phase, paused: false };
    this.#tus?.start();
  }

  /** Stops whatever runs and forgets it. */
  reset(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    void this.#tus?.abort();
    this.#tus = undefined;
    this.#phase = { name: 'idle' };
  }

  async #send(file: File, uploadId: string, uploadUrl: string): Promise<void> {
    const tus = await import('tus-js-client');
    const startedMs = Date.now();
    this.#phase = { name: 'uploading', sent: 0, bytesPerSecond: 0, paused: false, broken: false };
    await new Promise<void>((resolve, reject) => {
      this.#abort.signal.addEventListener('abort', () => reject(this.#abort.signal.reason), { once: true });
      this.#tus = new tus.Upload(file, {
        uploadUrl,
        storeFingerprintForResuming: false,
        retryDelays: RETRY_MS,
        onBeforeRequest: async (request) => {
          await this.#keepTokenFresh(uploadId);
          request.setHeader('Authorization', `Bearer ${this.#token}`);
        },
        onShouldRetry: (error) => {
          const status = error.originalResponse?.getStatus() ?? 0;
          const again = status === 0 || status === 409 || status === 423 || status === 429 || status >= 500;
          if (again && this.#phase.name === 'uploading')
            this.#phase = { ...this.#phase, broken: true, bytesPerSecond: 0 };
          return again;
        },
        onProgress: (sent) => {
          if (this.#phase.name !== 'uploading') return;
          const seconds = Math.max(0.25, (Date.now() - startedMs) / 1000);
          this.#phase = { ...this.#phase, sent, broken: false, bytesPerSecond: sent / seconds };
        },
        onSuccess: () => resolve(),
        onError: (error) =>
          reject(
            new Error(
              'originalResponse' in error && error.originalResponse?.getStatus() === 404
                ? t.submit.lost
                : messageOf(error),
            ),
          ),
      });
      this.#tus.start();
    });
  }

  async #keepTokenFresh(uploadId: string): Promise<void> {
    if (Date.now() - this.#tokenAtMs < TOKEN_MS) return;
    const outcome = await mutate(RenewUploadDocument, { input: { uploadId } });
    if (!outcome.ok) throw new Error(outcome.problem.message);
    this.#token = outcome.payload.token;
    this.#tokenAtMs = Date.now();
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

/** The server's own words when it answered with a problem document, else what tus says. */
function messageOf(error: Error): string {
  const body: unknown =
    'originalResponse' in error
      ? (error.originalResponse as { getBody?: () => string } | null)?.getBody?.()
      : undefined;
  if (typeof body === 'string' && body !== '') {
    try {
      const problem: unknown = JSON.parse(body);
      if (typeof problem === 'object' && problem !== null && 'detail' in problem && typeof problem.detail === 'string')
        return problem.detail;
    } catch {
      return body.slice(0, 300);
    }
  }
  return error.message;
}
