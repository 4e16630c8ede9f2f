/**
 * One verdict in three places: `mosis validate`, the server's gate and the device's verification accept and refuse the same
 * packages for the same codes. Each runs its own real code over the same file; nothing is stood in for.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { validate } from '../cli/commands/validate.ts';
import { type Context, createContext } from '../cli/context.ts';
import { DeviceError } from '../device/errors.ts';
import { verifyPackage } from '../device/verify.ts';
import { buildPackage } from '../format/canonical.ts';
import { SIGNATURE_PATH } from '../format/layout.ts';
import { signPackage } from '../format/package-signature.ts';
import { sha256Hex } from '../format/sha256.ts';
import { keyIdOf, publicKeyFrom } from '../format/signing.ts';
import { readSample } from '../prisma/demo/releases.ts';
import { type CheckWorker, createCheckWorker } from '../server/validation/check-worker.ts';
import { ARCHIVE_CORPUS, PATH_CORPUS } from './format/corpus-archive.ts';
import { CONTENTS_CORPUS, MANIFEST_CORPUS, SIGNATURE_CORPUS } from './format/corpus-contents.ts';
import { GOOD_MANIFEST, goodPackage, rawGoodZip, TEST_SECRET_KEY } from './support/packages.ts';

const MAX_PACKAGE_BYTES = 50 * 1024 * 1024;

/** What one place says of the format rules; codes of errors only where it says no more. */
interface Verdict {
  readonly accepted: boolean;
  readonly errors: readonly string[];
  readonly codes?: readonly string[];
}

let folder: string;
let gate: CheckWorker;
let context: Context;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosis-verdict-'));
  gate = createCheckWorker({ maxPackageBytes: MAX_PACKAGE_BYTES });
  const { stdin, stdout, stderr } = process;
  const env = { HOME: folder, XDG_CONFIG_HOME: join(folder, 'config') };
  const world = { cwd: folder, env, stdin, stdout, stderr, fetch, clock: () => new Date() };
  context = createContext(world, { json: true, nonInteractive: true, noColour: true, url: undefined });
});
afterAll(async () => {
  await gate.close();
  await rm(folder, { recursive: true });
});

interface Found {
  readonly code: string;
  readonly severity: string;
}

const verdictOf = (findings: readonly Found[]): Verdict => {
  const errors = findings.filter(({ severity }) => severity === 'error').map(({ code }) => code);
  return { accepted: errors.length === 0, errors, codes: findings.map(({ code }) => code) };
};

const cliOutcome = z.object({
  findings: z.array(z.object({ code: z.string(), severity: z.string(), ruleSet: z.number().optional() })),
});

/** Policy findings name their rule set; what is left is the format's. */
async function byCli(path: string): Promise<Verdict> {
  const outcome = await validate.run(context, [path, '--offline'], 'mosis validate');
  const { findings } = cliOutcome.parse(outcome.json);
  return verdictOf(findings.filter(({ ruleSet }) => ruleSet === undefined));
}

async function byServer(path: string): Promise<Verdict> {
  const { accepted, findings } = await gate.inspect({ task: 'gate', path });
  expect(findings.every(({ ruleSet }) => ruleSet === undefined)).toBe(true);
  expect(accepted).toBe(findings.every(({ severity }) => severity !== 'error'));
  return verdictOf(findings);
}

/** The repository vouches for the bytes, so that the device goes on to the package itself. */
async function byDevice(bytes: Uint8Array, manifest: { id: string; version_code: number }): Promise<Verdict> {
  const identity = { packageId: manifest.id, versionCode: manifest.version_code };
  const sha256 = sha256Hex(bytes);
  const path = join(folder, 'package.mosis');
  const download = { path, bytes, sha256 };
  const vouched = {
    ...identity,
    sizeBytes: bytes.length,
    sha256,
    signerKeyId: keyIdOf(publicKeyFrom(TEST_SECRET_KEY)),
  };
  try {
    await verifyPackage(download, vouched);
    return { accepted: true, errors: [] };
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    // What the format accepts may still be another app, or signed by nobody: rules of the context, which come after it.
    expect(['PACKAGE_REFUSED', 'PACKAGE_MISMATCH', 'SIGNER_NOT_PINNED']).toContain(error.code);
    const errors = error.details.map((detail) => detail.slice(0, detail.indexOf(':')));
    return { accepted: errors.length === 0, errors };
  }
}

async function expectOneVerdict(bytes: Uint8Array, manifest: { id: string; version_code: number }): Promise<Verdict> {
  const path = join(folder, 'package.mosis');
  await writeFile(path, bytes);
  const server = await byServer(path);
  expect(await byCli(path)).toEqual(server);
  expect(await byDevice(bytes, manifest)).toEqual({ accepted: server.accepted, errors: server.errors });
  return server;
}

const CORPUS = [...ARCHIVE_CORPUS, ...PATH_CORPUS, ...CONTENTS_CORPUS, ...MANIFEST_CORPUS, ...SIGNATURE_CORPUS];

describe('one verdict in three places', () => {
  it.each(CORPUS.map((bad) => ({ ...bad, title: `${bad.code}${bad.name === undefined ? '' : `: ${bad.name}`}` })))(
    '$title',
    async ({ code, bytes }) => {
      const verdict = await expectOneVerdict(bytes(), GOOD_MANIFEST);
      expect(verdict.codes).toContain(code);
    },
  );

  it.each<[string, () => Uint8Array]>([
    ['a small app', () => goodPackage()],
    ['an app that is not signed', () => goodPackage({ secretKey: null })],
    ['an archive that is not canonical', () => rawGoodZip([{ name: 'assets/', mode: 0o040755 }])],
    ['an app that the policy refuses', () => goodPackage({ files: { 'assets/main.lua': 'os.exit()' } })],
    ['an app that is another one', () => goodPackage({ manifest: { id: 'com.example.other' } })],
  ])('accepts %s', async (_, bytes) => {
    expect(await expectOneVerdict(bytes(), GOOD_MANIFEST)).toMatchObject({ accepted: true });
  });

  it.each(['notes', 'weather'] as const)('accepts the sample %s', async (name) => {
    const files = new Map(await readSample(name));
    files.set(SIGNATURE_PATH, signPackage(files, TEST_SECRET_KEY));
    const manifest: unknown = JSON.parse(new TextDecoder().decode(files.get('manifest.json')));
    const { id, version_code } = z.object({ id: z.string(), version_code: z.number() }).parse(manifest);
    const verdict = await expectOneVerdict(buildPackage(files), { id, version_code });
    expect(verdict).toEqual({ accepted: true, errors: [], codes: [] });
  });
});
