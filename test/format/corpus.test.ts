/** Every bad package of the corpus is refused with its code, and every code of the catalogue has a bad package. */
import { describe, expect, it } from 'vitest';
import { ARCHIVE_CATALOGUE } from '../../format/catalogue/archive.ts';
import { CONTENTS_CATALOGUE } from '../../format/catalogue/contents.ts';
import { CONTEXT_CATALOGUE } from '../../format/catalogue/context.ts';
import { MANIFEST_CATALOGUE } from '../../format/catalogue/manifest.ts';
import { PATH_CATALOGUE } from '../../format/catalogue/paths.ts';
import { SIGNATURE_CATALOGUE } from '../../format/catalogue/signature.ts';
import { CATALOGUE } from '../../format/catalogue.ts';
import { type SubmissionFacts, submissionFindings } from '../../format/context.ts';
import { capFindings } from '../../format/finding-list.ts';
import { finding } from '../../format/findings.ts';
import { formatVerdictOfBytes } from '../../format/validate.ts';
import { type GoodPackageOptions, goodPackage } from '../support/packages.ts';
import { ARCHIVE_CORPUS, PATH_CORPUS } from './corpus-archive.ts';
import { CONTENTS_CORPUS, MANIFEST_CORPUS, SIGNATURE_CORPUS } from './corpus-contents.ts';

const CORPUS = [...ARCHIVE_CORPUS, ...PATH_CORPUS, ...CONTENTS_CORPUS, ...MANIFEST_CORPUS, ...SIGNATURE_CORPUS];
const WITH_PACKAGE = [ARCHIVE_CATALOGUE, PATH_CATALOGUE, CONTENTS_CATALOGUE, MANIFEST_CATALOGUE, SIGNATURE_CATALOGUE];

describe('corpus of bad packages', () => {
  it('accepts the good package that the bad ones are made from, without a finding', async () => {
    const verdict = await formatVerdictOfBytes(goodPackage());
    expect(verdict.findings).toEqual([]);
    expect(verdict).toMatchObject({ accepted: true, signed: true, manifest: { id: 'com.example.hello' } });
  });

  it.each(CORPUS.map((bad) => ({ ...bad, title: `${bad.code}${bad.name === undefined ? '' : `: ${bad.name}`}` })))(
    '$title',
    async ({ code, bytes }) => {
      const { findings, accepted } = await formatVerdictOfBytes(bytes());
      expect(findings.map((found) => found.code)).toContain(code);
      const severity = CATALOGUE.get(code)?.severity;
      expect(accepted).toBe(severity !== 'error');
      for (const found of findings) {
        expect(CATALOGUE.has(found.code)).toBe(true);
        expect(found.message).toMatch(/^[^\p{Cc}\p{Bidi_Control}]{1,600}$/u);
      }
    },
  );

  it('has a case for every code of container, contents, manifest and signature', () => {
    const covered = new Set<string>(CORPUS.map((bad) => bad.code));
    const uncovered = WITH_PACKAGE.flatMap((part) => Object.keys(part)).filter((code) => !covered.has(code));
    expect(uncovered).toEqual([]);
  });
});

describe('catalogue', () => {
  it.each([...CATALOGUE.values()])('$code says title, why, fix, a bad and a good example', (entry) => {
    expect(entry.code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/);
    for (const field of [entry.title, entry.why, entry.fix, entry.bad, entry.good, entry.section]) {
      expect(field.trim()).not.toBe('');
    }
    expect(entry.bad).not.toBe(entry.good);
  });

  it('keeps no more findings of one severity than the bound, and says how many are left out', () => {
    const many = Array.from({ length: 500 }, (_, i) => finding(MANIFEST_CATALOGUE.MANIFEST_KEY_UNKNOWN, `Key ${i}.`));
    const capped = capFindings([...many, finding(MANIFEST_CATALOGUE.MANIFEST_ID, 'An error after them.')], 200);
    expect(capped).toHaveLength(202);
    expect(capped.filter((found) => found.severity === 'error')).toHaveLength(1);
    expect(capped.at(-1)).toMatchObject({ code: 'FINDINGS_LEFT_OUT', message: '300 more findings were left out.' });
  });
});

describe('what is required to submit', () => {
  const facts: SubmissionFacts = { packageId: 'com.example.hello', highestVersionCode: 6, pinnedKeyIds: null };
  const cases: Record<keyof typeof CONTEXT_CATALOGUE, [GoodPackageOptions, Partial<SubmissionFacts>]> = {
    MANIFEST_ID_MISMATCH: [{}, { packageId: 'com.example.other' }],
    MANIFEST_VERSION_CODE_USED: [{}, { highestVersionCode: 7 }],
    MANIFEST_ICON_64_MISSING: [{ manifest: { icons: {} } }, {}],
    SIGNATURE_REQUIRED: [{ secretKey: null }, {}],
    SIGNATURE_KEY_NOT_PINNED: [{}, { pinnedKeyIds: [] }],
  };

  it.each(Object.entries(cases))('%s', async (code, [options, change]) => {
    const { manifest, keyId } = await formatVerdictOfBytes(goodPackage(options));
    if (manifest === null) throw new Error('the package must be accepted by itself');
    const findings = submissionFindings(manifest, keyId, { ...facts, ...change });
    expect(findings.map((found) => found.code)).toEqual([code]);
  });

  it('has no finding for a signed package with a new code, its icon and a pinned key', async () => {
    const { manifest, keyId } = await formatVerdictOfBytes(goodPackage());
    if (manifest === null || keyId === null) throw new Error('the package must be accepted and signed');
    expect(submissionFindings(manifest, keyId, { ...facts, pinnedKeyIds: [keyId] })).toEqual([]);
    expect(Object.keys(CONTEXT_CATALOGUE)).toEqual(Object.keys(cases));
  });
});
