/** The manifest: strict JSON with places, one schema for type, checks and JSON Schema. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../format/json.ts';
import { parseManifest } from '../../format/manifest.ts';
import { manifestJsonSchema } from '../../format/manifest-schema.ts';
import { PERMISSION_REGISTRY, PERMISSIONS } from '../../format/permissions.ts';
import { compareSemver, parseSemver } from '../../format/semver.ts';
import { GOOD_MANIFEST, utf8 } from '../support/packages.ts';

const parse = (manifest: unknown) => parseManifest(utf8(JSON.stringify(manifest, null, 2)));

describe('manifest', () => {
  it('gives the values of a good one, and an empty set of icons where there is none', () => {
    expect(parse(GOOD_MANIFEST)).toMatchObject({ manifest: GOOD_MANIFEST, findings: [] });
    const { icons: _, ...withoutIcons } = GOOD_MANIFEST;
    expect(parse(withoutIcons)).toMatchObject({ manifest: { icons: {} }, findings: [] });
  });

  it('keeps an unknown key as a warning and drops it from the value', () => {
    const { manifest, findings } = parse({ ...GOOD_MANIFEST, permisions: [] });
    expect(manifest).toEqual(GOOD_MANIFEST);
    expect(findings).toMatchObject([{ code: 'MANIFEST_KEY_UNKNOWN', severity: 'warning' }]);
  });

  it('says line and column of the value that is wrong', () => {
    const text = '{\n  "id": "com.example.app",\n  "author": {\n    "name": "A", "email": "x"\n  }\n}';
    const { findings } = parseManifest(utf8(text));
    expect(findings.find((found) => found.code === 'MANIFEST_AUTHOR_EMAIL')).toMatchObject({
      file: 'manifest.json',
      line: 4,
      column: 18,
    });
    expect(findings.find((found) => found.code === 'MANIFEST_KEY_MISSING')).toMatchObject({ line: 1, column: 1 });
  });

  it('says line and column of a second key', () => {
    const { findings } = parseManifest(utf8('{\n "id": 1,\n  "id": 2}'));
    expect(findings).toMatchObject([
      { code: 'MANIFEST_DUPLICATE_KEY', line: 3, column: 3, message: 'The key "id" appears twice.' },
    ]);
  });

  it('counts characters, not code units', () => {
    expect(parse({ ...GOOD_MANIFEST, name: '😀'.repeat(50) }).findings).toEqual([]);
    expect(parse({ ...GOOD_MANIFEST, name: '😀'.repeat(51) }).findings).toMatchObject([{ code: 'MANIFEST_NAME' }]);
  });

  it('takes values at their limits', () => {
    const edge = {
      id: `a.${'b'.repeat(126)}`,
      version_code: 2_147_483_647,
      description: 'd'.repeat(4000),
      permissions: [...PERMISSIONS],
      default_locale: 'zh-Hant-TW',
    };
    expect(parse({ ...GOOD_MANIFEST, ...edge }).findings).toEqual([]);
  });

  it('does not let a key reach the prototype of objects', () => {
    const { findings } = parseManifest(
      utf8(`{"__proto__": {"polluted": true}, "constructor": 1, ${JSON.stringify(GOOD_MANIFEST).slice(1)}`),
    );
    expect(findings.map((found) => found.code)).toEqual(['MANIFEST_KEY_UNKNOWN', 'MANIFEST_KEY_UNKNOWN']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('takes no value from the prototype for a key that is missing', () => {
    expect(parse({ ...GOOD_MANIFEST, author: { __proto__: null } }).manifest).toBeNull();
  });
});

describe('JSON Schema', () => {
  const schema = manifestJsonSchema();

  it('is of draft 2020-12 and says what the checks do', () => {
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: '/schemas/manifest-v1.json',
      type: 'object',
      required: ['id', 'name', 'version', 'version_code', 'entry', 'permissions', 'min_mosis_version', 'author'],
      properties: {
        id: { type: 'string', minLength: 3, maxLength: 128 },
        name: { type: 'string', minLength: 1, maxLength: 50 },
        version_code: { type: 'integer', minimum: 1, maximum: 2_147_483_647 },
        permissions: { type: 'array', uniqueItems: true, items: { enum: [...PERMISSIONS] } },
        author: { required: ['name', 'email'], properties: { email: { maxLength: 254, format: 'email' } } },
        homepage: { maxLength: 2048, format: 'uri' },
      },
    });
  });

  it('does not forbid unknown keys, which are a warning only', () => {
    expect(JSON.stringify(schema)).not.toContain('"additionalProperties":false');
  });
});

describe('strict JSON', () => {
  it('reads whatever JSON.stringify writes, as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
          expect(parseJson(text, 64)).toMatchObject({ ok: true, value: JSON.parse(text) });
        }
      }),
    );
  });

  it('refuses whatever JSON.parse refuses', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]:,"\\ \n0-1.e+tru'), maxLength: 12 }), (text) => {
        let accepted = true;
        try {
          JSON.parse(text);
        } catch {
          accepted = false;
        }
        const result = parseJson(text, 64);
        expect(result.ok || result.problem === 'duplicate-key').toBe(accepted);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    '',
    ' ',
    '01',
    '1.',
    '.5',
    '+1',
    '"\t"',
    '"\\x"',
    '[1,]',
    '{"a":1,}',
    "{'a':1}",
    '{"a" 1}',
    '"',
    '"\\',
    'nul',
    '[1]x',
    '\u00a01',
  ])('refuses %j', (text) => {
    expect(parseJson(text, 8)).toMatchObject({ ok: false, problem: 'syntax' });
  });

  it('stops at the depth it is told', () => {
    expect(parseJson('[[[]]]', 3).ok).toBe(true);
    expect(parseJson('[[[[]]]]', 3)).toMatchObject({ ok: false, problem: 'too-deep', place: { line: 1, column: 4 } });
    expect(parseJson('['.repeat(1_000_000), 8)).toMatchObject({ ok: false, problem: 'too-deep' });
  });
});

describe('semantic versions', () => {
  it('are ordered as semver.org says', () => {
    const ordered = [
      '0.9.0',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.10',
      '1.2.0',
      '10.0.0',
      '99999999999999999999.0.0',
    ];
    const parsed = ordered.map((text) => parseSemver(text)).filter((version) => version !== null);
    expect(parsed).toHaveLength(ordered.length);
    for (const [i, a] of parsed.entries()) {
      for (const [j, b] of parsed.entries()) expect(Math.sign(compareSemver(a, b))).toBe(Math.sign(i - j));
    }
  });

  it('ignore build metadata in order', () => {
    const [a, b] = [parseSemver('1.0.0+1'), parseSemver('1.0.0+2')];
    if (a === null || b === null) throw new Error('both must parse');
    expect(compareSemver(a, b)).toBe(0);
    expect(a.build).toEqual(['1']);
  });

  it.each([
    '',
    '1',
    '1.2',
    '1.2.3.4',
    '01.2.3',
    '1.2.3-01',
    '1.2.3-',
    '1.2.3+',
    'v1.2.3',
    '1.2.3 ',
    '1.2.3\n',
    '1.2.3-a..b',
    `1.2.3-${'a'.repeat(128)}`,
  ])('refuse %j', (text) => {
    expect(parseSemver(text)).toBeNull();
  });
});

it('says level, title and description of every permission', () => {
  expect(Object.keys(PERMISSION_REGISTRY)).toEqual([...PERMISSIONS]);
  const dangerous = PERMISSIONS.filter((name) => PERMISSION_REGISTRY[name].level === 'dangerous');
  expect(dangerous).toEqual([
    'camera',
    'microphone',
    'location',
    'contacts',
    'messages',
    'phone',
    'bluetooth',
    'background',
  ]);
  for (const info of Object.values(PERMISSION_REGISTRY)) expect(info.description).toMatch(/^[A-Z].*\.$/);
});
