/** Owns the thread that reads and checks packages, so that the event loop that serves requests stays free. It writes nothing. */
import { parentPort } from 'node:worker_threads';
import { toBase64 } from '../../format/base64.ts';
import { ARCHIVE_CHECK_NAME } from '../../format/checks/archive.ts';
import { CHECKS } from '../../format/checks/registry.ts';
import { signatureVerdict } from '../../format/checks/signature.ts';
import type { Finding } from '../../format/findings.ts';
import { lowerLimits } from '../../format/limits.ts';
import { readPackage } from '../../format/reader.ts';
import { runChecks } from '../../format/validate.ts';
import type { Inspection, WorkAnswer, WorkRequest } from './messages.ts';

const SIGNATURE_FILE = 'signature.sig';

const port = parentPort;
if (port === null) throw new Error('worker.ts runs as a worker thread');

port.on('message', (request: WorkRequest) => {
  const say = (answer: WorkAnswer) => port.postMessage(answer);
  inspect(request, say).then(
    (inspection) => say({ id: request.id, type: 'done', inspection }),
    (error: unknown) =>
      say({ id: request.id, type: 'failed', message: error instanceof Error ? error.message : String(error) }),
  );
});

async function inspect(request: WorkRequest, say: (answer: WorkAnswer) => void): Promise<Inspection> {
  const skip = new Set(request.skip);
  const findings: Finding[] = [];
  const step = async (check: string, run: () => Promise<readonly Finding[]>): Promise<void> => {
    if (skip.has(check)) return;
    say({ id: request.id, type: 'start', check });
    const startedMs = performance.now();
    const { found, crash } = await run().then(
      (list) => ({ found: list, crash: null }),
      (error: unknown) => ({ found: [], crash: error instanceof Error ? error.message : String(error) }),
    );
    findings.push(...found);
    say({ id: request.id, type: 'end', check, findings: found, durationMs: performance.now() - startedMs, crash });
  };

  const reading = readPackage(request.path, lowerLimits({ maxPackageBytes: request.maxPackageBytes }));
  // The first step reports the reading; without it nothing else can run.
  await step(ARCHIVE_CHECK_NAME, async () => (await reading).findings);
  const { contents, entries, size, sha256 } = await reading;
  if (contents !== null) {
    const checks = request.task === 'gate' ? CHECKS.filter((check) => check.kind === 'format') : CHECKS;
    for (const check of checks) await step(check.name, () => runChecks(contents, { checks: [check] }));
  }
  const verdict = contents === null ? null : signatureVerdict(contents);
  const text = contents?.files.get(SIGNATURE_FILE);
  return {
    accepted: findings.every((found) => found.severity !== 'error'),
    findings,
    manifest: contents?.manifest ?? null,
    files: entries,
    size,
    sha256,
    signature:
      verdict?.ok === true && text !== undefined
        ? { text: new TextDecoder().decode(text), keyId: verdict.keyId, publicKey: toBase64(verdict.publicKey) }
        : null,
  };
}
