// Sends pictures for an app's listing one after the other and follows each to its verdict; draws nothing.
import { ScreenshotVerdictDocument, StartUploadDocument } from '#lib/graphql/generated/graphql.ts';
import { ask, mutate } from '#lib/graphql/query.svelte.ts';
import { t } from '#lib/messages/messages.ts';
import { fileSha256 } from '#lib/uploads/sha256.ts';
import { TusSender } from '#lib/uploads/tus-sender.ts';

export const MAX_SCREENSHOTS = 8;
const MAX_BYTES = 4 * 1024 * 1024;
const VERDICT_POLL_MS = 500;

export type Sending = {
  key: number;
  name: string;
  /** 0 to 1 while it is sent; null while it waits for its verdict. */
  share: number | null;
  /** Why it was not taken; undefined while it may still be. */
  error?: string;
};

export class ScreenshotUploads {
  #list = $state<Sending[]>([]);
  #next = 1;
  #abort = new AbortController();
  #last: Promise<void> = Promise.resolve();

  get list(): readonly Sending[] {
    return this.#list;
  }

  /** Sends `file` after those before it; `onaccepted` is called when it is part of the listing. */
  add(appId: string, file: File, onaccepted: () => Promise<void>): void {
    const key = this.#next++;
    this.#list.push({ key, name: file.name, share: 0 });
    const error =
      file.type !== 'image/png' ? t.screenshots.notPng : file.size > MAX_BYTES ? t.screenshots.tooLarge : undefined;
    if (error !== undefined) {
      this.#change(key, { error });
      return;
    }
    const { signal } = this.#abort;
    // One at a time keeps the order in which they were chosen.
    this.#last = this.#last.then(async () => {
      try {
        await this.#send(appId, file, key, signal);
        await onaccepted();
        this.dismiss(key);
      } catch (failure) {
        if (!signal.aborted)
          this.#change(key, { error: failure instanceof Error ? failure.message : t.errors.unreachable });
      }
    });
  }

  /** Takes a failed or finished one off the list. */
  dismiss(key: number): void {
    this.#list = this.#list.filter((each) => each.key !== key);
  }

  /** Stops whatever runs. */
  stop(): void {
    this.#abort.abort();
  }

  async #send(appId: string, file: File, key: number, signal: AbortSignal): Promise<void> {
    const sha256 = await fileSha256(file, () => undefined, signal);
    const input = { appId, kind: 'SCREENSHOT', size: file.size, sha256, via: 'PORTAL' } as const;
    const outcome = await mutate(StartUploadDocument, { input });
    signal.throwIfAborted();
    if (!outcome.ok) throw new Error(outcome.problem.message);
    const { id, url } = outcome.payload.upload;
    const sender = new TusSender({ uploadId: id, url, token: outcome.payload.token });
    const onProgress = (sent: number) => this.#change(key, { share: sent / file.size });
    await sender.send(file, { onProgress, onBroken: () => undefined }, signal);
    this.#change(key, { share: null });
    for (;;) {
      const { upload } = await ask(ScreenshotVerdictDocument, { id });
      signal.throwIfAborted();
      if (!upload) throw new Error(t.submit.lost);
      if (upload.state === 'ACCEPTED') return;
      if (upload.state === 'REFUSED')
        throw new Error(upload.findings.map(({ message, help }) => `${message} ${help}`).join(' '));
      await new Promise((resolve) => setTimeout(resolve, VERDICT_POLL_MS));
    }
  }

  #change(key: number, values: Partial<Sending>): void {
    this.#list = this.#list.map((each) => (each.key === key ? { ...each, ...values } : each));
  }
}
