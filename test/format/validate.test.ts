/** The one validation: order of checks, hooks, verdicts, and what the browser may import. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTENTS_CATALOGUE } from '../../format/catalogue/contents.ts';
import type { Check } from '../../format/check.ts';
import { CHECKS, RULE_SET_VERSION } from '../../format/checks/registry.ts';
import { finding } from '../../format/findings.ts';
import { lowerLimits } from '../../format/limits.ts';
import { readPackage } from '../../format/reader.ts';
import { sha256Hex } from '../../format/sha256.ts';
import {
  formatVerdict,
  formatVerdictOfBytes,
  validateFiles,
  validatePackage,
  validatePackageBytes,
} from '../../format/validate.ts';
import { goodFiles, goodPackage } from '../support/packages.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'mosis-format-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(bytes: Uint8Array): Promise<string> {
  const file = path.join(folder, `${sha256Hex(bytes)}.mosis`);
  await writeFile(file, bytes);
  return file;
}

const noisy: Check = {
  name: 'noisy',
  kind: 'policy',
  findings: CONTENTS_CATALOGUE,
  run: () => Array.from({ length: 300 }, () => finding(CONTENTS_CATALOGUE.CONTENT_TEXT_NUL, 'Found.')),
};

describe('validation', () => {
  it('says everything about a good package', async () => {
    const bytes = goodPackage();
    const result = await formatVerdict(await fileOf(bytes));
    expect(result).toMatchObject({
      accepted: true,
      findings: [],
      signed: true,
      size: bytes.length,
      sha256: sha256Hex(bytes),
    });
    expect(result.keyId).toMatch(/^SHA256:/);
    expect(result.files).toEqual(
      [...goodFiles()]
        .map(([name, content]) => ({ path: name, size: content.length, sha256: sha256Hex(content) }))
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
    );
  });

  it('gives the same verdict for file and bytes', async () => {
    for (const bytes of [goodPackage(), goodPackage({ secretKey: null }), goodPackage().subarray(1)]) {
      expect(await validatePackage(await fileOf(bytes))).toEqual(await validatePackageBytes(bytes));
    }
  });

  it('gives loose files the findings of a package made of them', async () => {
    const options = { manifest: { id: 'Bad' }, files: { 'assets/run.sh': 'x' } };
    const loose = await validateFiles(goodFiles(options));
    const packed = await validatePackageBytes(goodPackage(options));
    expect(loose.findings).toEqual(packed.findings);
    expect(loose).toMatchObject({ accepted: false, sha256: null, size: null });
  });

  it('accepts an unsigned package with a notice', async () => {
    const result = await formatVerdictOfBytes(goodPackage({ secretKey: null }));
    expect(result).toMatchObject({
      accepted: true,
      signed: false,
      keyId: null,
      findings: [{ code: 'SIGNATURE_MISSING', severity: 'notice' }],
    });
  });

  it('reports each check from start to end, the container first', async () => {
    const log: string[] = [];
    await validatePackageBytes(goodPackage({ secretKey: null }), {
      onCheckStart: (check) => log.push(`start ${check}`),
      onFinding: (found, check) => log.push(`${check} ${found.code}`),
      onCheckEnd: (check) => log.push(`end ${check}`),
    });
    const names = ['archive', ...CHECKS.map((check) => check.name)];
    expect(log.filter((line) => line.startsWith('start'))).toEqual(names.map((name) => `start ${name}`));
    expect(log.filter((line) => line.startsWith('end'))).toEqual(names.map((name) => `end ${name}`));
    expect(log).toContain('signature SIGNATURE_MISSING');
  });

  it('runs no check over a container that is refused', async () => {
    const started: string[] = [];
    const result = await validatePackageBytes(goodPackage().subarray(1), {
      onCheckStart: (check) => started.push(check),
    });
    expect(started).toEqual(['archive']);
    expect(result).toMatchObject({ accepted: false, manifest: null, files: [], signed: false });
  });

  it('caps what a check finds and names the rule set in policy findings', async () => {
    const { findings } = await validatePackageBytes(goodPackage(), { checks: [noisy] });
    expect(findings).toHaveLength(201);
    expect(new Set(findings.map((found) => found.ruleSet))).toEqual(new Set([RULE_SET_VERSION]));
  });

  it('stops between checks when it is told to', async () => {
    const stop = new AbortController();
    const run = validatePackageBytes(goodPackage(), { signal: stop.signal, onCheckStart: () => stop.abort() });
    await expect(run).rejects.toThrow('aborted');
  });

  it('does not read a file over the limit, and lets a file that is absent fail', async () => {
    const reading = await readPackage(await fileOf(goodPackage()), lowerLimits({ maxPackageBytes: 10 }));
    expect(reading).toMatchObject({ contents: null, sha256: null, findings: [{ code: 'ARCHIVE_TOO_LARGE' }] });
    await expect(readPackage(path.join(folder, 'none.mosis'))).rejects.toThrow('ENOENT');
  });
});

/** What browser and device may bundle: nothing there may reach Node's own modules, directly or not. */
const BROWSER_FILES = [
  'signing',
  'package-signature',
  'platform-statement',
  'pins',
  'manifest',
  'manifest-schema',
  'permissions',
  'semver',
  'catalogue',
  'canonical',
  'archive',
  'contents',
  'base64',
  'json',
  'limits',
  'paths',
  'text',
  'context',
];

async function nodeImports(file: string, seen: Set<string>): Promise<string[]> {
  if (seen.has(file)) return [];
  seen.add(file);
  const source = await readFile(file, 'utf8');
  const found: string[] = [];
  for (const [, typeOnly, target = ''] of source.matchAll(/^(?:import|export)\b( type)?[^;]*?from '([^']+)'/gm)) {
    if (typeOnly !== undefined) continue;
    if (target.startsWith('node:') || target === 'node-stream-zip') found.push(`${file}: ${target}`);
    if (target.startsWith('.')) found.push(...(await nodeImports(path.resolve(path.dirname(file), target), seen)));
  }
  return found;
}

it.each(BROWSER_FILES)('format/%s.ts reaches nothing of Node', async (name) => {
  const file = path.resolve(import.meta.dirname, '../../format', `${name}.ts`);
  expect(await nodeImports(file, new Set())).toEqual([]);
});
