// Sends one announced file by tus: resumes after breaks, renews its token, and can be held. It knows nothing of verdicts.
import type { Upload } from 'tus-js-client';
import { RenewUploadDocument } from '#lib/graphql/generated/graphql.ts';
import { mutate } from '#lib/graphql/query.svelte.ts';
import { t } from '#lib/messages/messages.ts';

const TOKEN_MS = 50 * 60_000;
/** Waits between tries after a broken connection; the last one repeats for as long as the page is open. */
const RETRY_MS = [0, 1000, 2000, 4000, 8000, 15_000, ...Array.from({ length: 200 }, () => 20_000)];

export type Announced = { uploadId: string; url: string; token: string };
export type Watch = {
  /** Bytes that the server has. */
  onProgress: (sent: number) => void;
  /** The connection broke and is tried again. */
  onBroken: () => void;
};

export class TusSender {
  #tus: Upload | undefined;
  #token: string;
  #tokenAtMs = Date.now();
  readonly #uploadId: string;
  readonly #url: string;

  constructor({ uploadId, url, token }: Announced) {
    this.#uploadId = uploadId;
    this.#url = url;
    this.#token = token;
  }

  /** Resolves when all bytes are stored. Rejects with words for people, or with the signal's reason when aborted. */
  async send(file: File, { onProgress, onBroken }: Watch, signal: AbortSignal): Promise<void> {
    const tus = await import('tus-js-client');
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#tus = new tus.Upload(file, {
        uploadUrl: this.#url,
        storeFingerprintForResuming: false,
        retryDelays: RETRY_MS,
        onBeforeRequest: async (request) => {
          await this.#keepTokenFresh();
          request.setHeader('Authorization', `Bearer ${this.#token}`);
        },
        onShouldRetry: (error) => {
          const status = error.originalResponse?.getStatus() ?? 0;
          const again = status === 0 || status === 409 || status === 423 || status === 429 || status >= 500;
          if (again) onBroken();
          return again;
        },
        onProgress,
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

  /** Stops sending; `resume` goes on from what the server has. */
  pause(): void {
    void this.#tus?.abort();
  }

  resume(): void {
    this.#tus?.start();
  }

  async #keepTokenFresh(): Promise<void> {
    if (Date.now() - this.#tokenAtMs < TOKEN_MS) return;
    const outcome = await mutate(RenewUploadDocument, { input: { uploadId: this.#uploadId } });
    if (!outcome.ok) throw new Error(outcome.problem.message);
    this.#token = outcome.payload.token;
    this.#tokenAtMs = Date.now();
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
