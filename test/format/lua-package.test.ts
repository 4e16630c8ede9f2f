// The Lua check over whole packages: a realistic app without a finding, permissions through modules, and bounded work.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { luaCheck } from '../../format/checks/lua.ts';
import type { Finding } from '../../format/findings.ts';
import type { Permission } from '../../format/permissions.ts';

const encoder = new TextEncoder();
const APP = join(import.meta.dirname, 'lua-app');

async function check(sources: Readonly<Record<string, string>>, permissions?: readonly Permission[]) {
  const files = new Map(Object.entries(sources).map(([path, text]) => [path, encoder.encode(text)]));
  return run(files, permissions);
}

async function run(files: ReadonlyMap<string, Uint8Array>, permissions?: readonly Permission[]): Promise<Finding[]> {
  const manifest = permissions === undefined ? null : { ...MANIFEST, permissions: [...permissions] };
  return luaCheck.run({ files, manifest });
}

const MANIFEST = {
  id: 'org.example.habits',
  name: 'Habits',
  version: '1.0.0',
  version_code: 1,
  entry: 'assets/main.rml',
  min_mosis_version: '1.0.0',
  author: { name: 'A. Writer', email: 'a@example.org' },
  icons: {},
};

function many(count: number, text: (i: number) => string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}.lua`, text(i)]));
}

describe('a realistic app', () => {
  const files = new Map(
    readdirSync(APP, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(?:lua|rml)$/.test(path))
      .sort()
      .map((path) => [path, new Uint8Array(readFileSync(join(APP, path)))]),
  );

  test('of many modules has no finding', async () => {
    const lines = [...files.values()].reduce(
      (sum, bytes) => sum + new TextDecoder().decode(bytes).split('\n').length,
      0,
    );
    expect(lines).toBeGreaterThan(750);
    expect(await run(files, ['storage', 'network', 'notifications'])).toEqual([]);
  });

  test('is told which permissions it lacks, file by file, and which it does not use', async () => {
    const findings = await run(files, ['storage', 'camera', 'audio']);
    expect(findings.map(({ code, file, line, column }) => [code, file, line, column])).toEqual([
      ['LUA_PERMISSION_MISSING', 'assets/scripts/core/system.lua', 8, 9],
      ['LUA_PERMISSION_MISSING', 'assets/scripts/data/sync.lua', 52, 5],
      ['LUA_PERMISSION_MISSING', 'assets/scripts/main.lua', 53, 3],
      ['PERMISSION_UNUSED_DANGEROUS', 'manifest.json', undefined, undefined],
      ['PERMISSION_UNUSED', 'manifest.json', undefined, undefined],
    ]);
  });

  test.each([
    ['system.clock.execute("x")', 'LUA_PROCESS'],
    ['system.text.dump(show)', 'LUA_DYNAMIC_CODE'],
    ['system.clock[name]("x")', 'LUA_GLOBAL_INDIRECT'],
    ['events.emit("x", system)', 'LUA_GLOBAL_TABLE_ESCAPE'],
    ['system.net.get(address)', 'LUA_NETWORK_HOST_DYNAMIC'],
  ])('with one more line is found out: %s', async (line, code) => {
    const path = 'assets/scripts/data/store.lua';
    const text = `${new TextDecoder().decode(files.get(path)).replace('return M\n', '')}${line}\nreturn M\n`;
    const findings = await run(new Map(files).set(path, encoder.encode(text)));
    expect(findings.map((f) => f.code)).toContain(code);
    expect(new Set(findings.map((f) => f.file))).toEqual(new Set([path]));
  });
});

describe('permissions in use', () => {
  test.each([
    ['an alias', { 'a.lua': 'local cam = mosis.camera\ncam.capture()' }, 'a.lua', 1, 13],
    ['a field', { 'a.lua': 'local M = {}\nM.api = mosis\nM.api.camera.capture()' }, 'a.lua', 3, 1],
    ['a function', { 'a.lua': 'local function api() return mosis end\napi().camera.capture()' }, 'a.lua', 2, 1],
    ['a file', { 'a.lua': 'local api = require("z")\napi.camera.capture()', 'z.lua': 'return mosis' }, 'a.lua', 2, 1],
    [
      'a field of a file',
      { 'a.lua': 'require("z").m.camera.capture()', 'z.lua': 'return { m = mosis }' },
      'a.lua',
      1,
      1,
    ],
    ['a constant key', { 'a.lua': 'mosis["cam" .. "era"].capture()' }, 'a.lua', 1, 1],
    ['a global table', { 'a.lua': '_G.mosis.camera.capture()' }, 'a.lua', 1, 1],
    ['rawget', { 'a.lua': 'local cam = rawget(mosis, "camera")' }, 'a.lua', 1, 13],
    ['a handler', { 'a.rml': '<rml><body>\n<p onclick="mosis.camera.capture()"/></body></rml>' }, 'a.rml', 2, 13],
  ])('are found through %s', async (_way, sources, file, line, column) => {
    const found = await check(sources as Record<string, string>, []);
    expect(found).toEqual([expect.objectContaining({ code: 'LUA_PERMISSION_MISSING', file, line, column })]);
    expect(await check(sources as Record<string, string>, ['camera'])).toEqual([]);
  });

  test('are not called unused where the API goes out of sight', async () => {
    const found = await check({ 'a.lua': 'use(mosis)' }, ['camera']);
    expect(found.map((f) => f.code)).toEqual(['LUA_PLATFORM_DYNAMIC']);
  });
});

describe('bounds of a package', () => {
  test.each([
    [
      '10,000 files that require each other in a row',
      many(10_000, (i) => `return require("m${i + 1}")`),
      'LUA_REQUIRE_MISSING',
    ],
    [
      '10,000 files in a circle',
      many(10_000, (i) => `return { os = os, next = require("m${(i + 1) % 10_000}") }`),
      'LUA_GLOBAL_TABLE_ESCAPE',
    ],
    [
      'files that give each other three times',
      many(60, (i) =>
        i === 0 ? 'return { os = os }' : `local a = require("m${i - 1}") return { a = a, b = a, c = a }`,
      ),
      null,
    ],
    [
      'functions that give functions',
      many(60, (i) =>
        i === 0
          ? 'return function() return os end'
          : `local a = require("m${i - 1}") return { f = function() return a end, g = function() return a end }`,
      ),
      null,
    ],
    ['more code than is read', many(20, () => 'x = 1\n'.repeat(150_000)), 'LUA_TOO_COMPLEX'],
    [
      'a long chain of functions',
      {
        'a.lua': `local M = {}\n${Array.from({ length: 20_000 }, (_, i) => `function M.f${i}() return M.f${i + 1}() end`).join('\n')}\nfunction M.f20000() return os end`,
      },
      'LUA_TOO_COMPLEX',
    ],
    [
      'a table of 15,000 functions that give it',
      {
        'a.lua': `local M = {}\n${Array.from({ length: 15_000 }, (_, i) => `function M.f${i}() return M end`).join('\n')}`,
      },
      null,
    ],
    [
      'nested functions',
      { 'a.lua': `${'return function() '.repeat(150)}return os ${'end '.repeat(150)}`.replaceAll(') ', ')\n') },
      null,
    ],
    [
      'long tables that are joined',
      { 'a.lua': `local t = {${'"abc",\n'.repeat(25_000)}}\n${'x(table.concat(t))\n'.repeat(8_000)}` },
      null,
    ],
  ])('%s end in time', async (_what, sources, code) => {
    const start = process.cpuUsage();
    const found = await check(sources);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(3000);
    if (code === null) expect(found).toEqual([]);
    else expect(found.map((f) => f.code)).toContain(code);
  });

  test('what is refused does not depend on the order of the files', async () => {
    const sources = Object.entries({
      'a.lua': 'local b = require("b")\nb.os.execute("x")',
      'b.lua': 'local c = require("c")\nreturn { os = c.get(), net = mosis.net }',
      'c.lua': 'return { get = function() return os end, back = function() return require("d") end }',
      'd.lua': 'local b = require("b")\nreturn { go = function(url) b.net.get(url) end }',
    });
    const key = (findings: readonly Finding[]) => findings.map((f) => `${f.code} ${f.file}:${f.line}`).sort();
    const first = key(await check(Object.fromEntries(sources)));
    expect(first).toContain('LUA_PROCESS a.lua:2');
    expect(key(await check(Object.fromEntries(sources)))).toEqual(first);
    for (const order of [sources.toReversed(), [...sources.slice(2), ...sources.slice(0, 2)]]) {
      const codes = key(await check(Object.fromEntries(order)));
      expect(codes.some((code) => code.startsWith('LUA_PROCESS') || code.startsWith('LUA_GLOBAL_TABLE'))).toBe(true);
    }
  });
});
