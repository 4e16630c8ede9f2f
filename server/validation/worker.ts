/**
 * Owns a thread that reads and checks packages, one step at a time, so that the event loop that serves requests stays free. It
 * writes nothing, and knows nothing of what other threads do.
 */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { toBase64 } from '../../format/base64.ts';
import type { Check, PackageContents } from '../../format/check.ts';
import { CHECKS } from '../../format/checks/registry.ts';
import { signatureVerdict } from '../../format/checks/signature.ts';
import { SIGNATURE_PATH } from '../../format/layout.ts';
import { lowerLimits } from '../../format/limits.ts';
import { readPackage } from '../../format/reader.ts';
import { runChecks } from '../../format/validate.ts';
import { readImage } from './image.ts';
import type { InspectedSignature, ReadResult, ThreadAnswer, ThreadRequest, ThreadResult } from './messages.ts';
import { openSharedContents, type SharedContents, shareContents } from './shared-contents.ts';

type Work = Exclude<ThreadRequest, { type: 'forget' }>;

const port = parentPort;
if (port === null) throw new Error('worker.ts runs as a worker thread');

const checks = await registry();
/** The package of the last step: its next check need not parse anything again. */
let open: { readonly key: number; readonly contents: PackageContents } | null = null;

port.on('message', (request: ThreadRequest) => {
  if (request.type !== 'forget') void answer(request);
  else if (open?.key === request.key) open = null;
});
say({ type: 'ready' });

function say(answer: ThreadAnswer): void {
  port?.postMessage(answer);
}

/** The checks of the format, or those of the module that a test names. */
async function registry(): Promise<readonly Check[]> {
  const { registry: module } = workerData as { readonly registry: string | null };
  return module === null ? CHECKS : ((await import(module)) as { readonly CHECKS: readonly Check[] }).CHECKS;
}

async function answer(request: Work): Promise<void> {
  const beganMs = performance.now();
  try {
    const result = await run(request);
    say({ type: 'done', result, durationMs: performance.now() - beganMs });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    say({ type: 'threw', message, durationMs: performance.now() - beganMs });
  }
}

async function run(request: Work): Promise<ThreadResult> {
  if (request.type === 'read') return read(request);
  if (request.type === 'image') return readImage(await readFile(request.path));
  const check = checks.find(({ name }) => name === request.check);
  if (check === undefined) throw new Error(`there is no check ${request.check}`);
  return { type: 'check', findings: await runChecks(contentsOf(request), { checks: [check] }) };
}

async function read({ key, path, maxPackageBytes, signature }: Work & { type: 'read' }): Promise<ReadResult> {
  let data = new SharedArrayBuffer(0);
  const reading = await readPackage(path, lowerLimits({ maxPackageBytes }), (totalBytes) => {
    data = new SharedArrayBuffer(totalBytes);
    return new Uint8Array(data);
  });
  const { contents, entries: files, findings, size, sha256 } = reading;
  open = contents === null ? null : { key, contents };
  return {
    type: 'read',
    findings,
    contents: contents === null ? null : shareContents(contents, data),
    manifest: contents?.manifest ?? null,
    files,
    size,
    sha256,
    signature: contents === null || !signature ? null : signatureOf(contents),
  };
}

function contentsOf({ key, contents }: { readonly key: number; readonly contents: SharedContents }): PackageContents {
  if (open?.key !== key) open = { key, contents: openSharedContents(contents) };
  return open.contents;
}

function signatureOf(contents: PackageContents): InspectedSignature | null {
  const verdict = signatureVerdict(contents);
  const text = contents.files.get(SIGNATURE_PATH);
  if (!verdict.ok || text === undefined) return null;
  return { text: new TextDecoder().decode(text), keyId: verdict.keyId, publicKey: toBase64(verdict.publicKey) };
}
