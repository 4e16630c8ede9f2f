// The Lua analysis beyond the corpus: warnings, generated detours to a forbidden global, facts about permissions, and time.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PackageContents } from '../../format/check.ts';
import { luaCheck } from '../../format/checks/lua.ts';
import { rcssCheck } from '../../format/checks/rcss.ts';
import { rmlCheck } from '../../format/checks/rml.ts';
import { analyseLua } from '../../format/lua/analyse.ts';
import { Modules } from '../../format/lua/modules.ts';
import { UNKNOWN } from '../../format/lua/values.ts';
import { INNOCENT } from './lua-corpus/innocent.ts';

function analyse(text: string) {
  return analyseLua(
    { file: 'a.lua', text, line: 1, column: 1, locals: [] },
    {
      resolve: () => 'found.lua',
      value: () => UNKNOWN,
    },
  );
}

const base64 = btoa(Array.from({ length: 300 }, (_, i) => String.fromCharCode((i * i * 7 + i * 31) % 256)).join(''));

describe('warnings', () => {
  test.each([
    ['LUA_LONG_LINE', `local x = { ${'a = 1, '.repeat(200)} }`],
    ['LUA_PACKED_DATA', `local x = "${base64}"`],
    ['LUA_PACKED_DATA', `local x = "${'0123456789abcdef'.repeat(20)}"`],
    ['LUA_PACKED_DATA', `local x = "${'\\x41\\065'.repeat(40)}"`],
    ['LUA_PACKED_DATA', `local x = { ${Array.from({ length: 300 }, (_, i) => (i * 37) % 256).join(',\n')} }`],
    ['LUA_PACKED_DATA', `local x = [[${base64}]]`],
    ['LUA_NETWORK_HOST_DYNAMIC', 'mosis.net.get(url, f)'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'mosis.net.get("https://" .. host .. "/x", f)'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'mosis.net.get("https://api.example.org" .. rest, f)'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'mosis.net.get("https://api.example.org@" .. host, f)'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'mosis.net.request{ url = url }'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'mosis.net.request(options)'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'local get = mosis.net.get get(url)'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'pcall(mosis.http.get, url)'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'retry(mosis.net.get)'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'mosis.net[verb]("https://a.example/")'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'local c = { u = "https://a.example/" } c.u = x mosis.net.get(c.u, f)'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'local u = "https://a.example/" u = x mosis.net.get(u, f)'],
    ['LUA_NETWORK_HOST_DYNAMIC', 'mosis.net:get(url)'],
    ['LUA_ENDLESS_LOOP', 'while true do end'],
    ['LUA_ENDLESS_LOOP', 'while 1 do x = x + 1 end'],
    ['LUA_ENDLESS_LOOP', 'while not false do f() end'],
    ['LUA_ENDLESS_LOOP', 'while 1 == 1 do f() end'],
    ['LUA_ENDLESS_LOOP', 'repeat f() until false'],
    ['LUA_ENDLESS_LOOP', 'for i = 1, math.huge do f(i) end'],
    ['LUA_ENDLESS_LOOP', '::again:: f() goto again'],
    ['LUA_ENDLESS_LOOP', 'while true do for i = 1, 3 do break end end'],
    ['LUA_ENDLESS_LOOP', 'while true do local f = function() return 1 end end'],
    ['LUA_GLOBAL_SHADOWED', 'function print() end'],
    ['LUA_GLOBAL_SHADOWED', 'string.format = f'],
    ['LUA_GLOBAL_SHADOWED', '_G.tostring = f'],
    ['LUA_GLOBAL_SHADOWED', 'rawset(_G, "print", f)'],
    ['LUA_GLOBAL_SHADOWED', 'mosis.net.get = f'],
    ['LUA_GLOBAL_SHADOWED', 'local mosis = { net = fake }'],
    ['LUA_GLOBAL_SHADOWED', 'local function run(mosis) mosis.net.get(x) end'],
    ['LUA_PLATFORM_DYNAMIC', 'mosis[part].get()'],
    ['LUA_PLATFORM_DYNAMIC', 'use(mosis)'],
    ['LUA_PLATFORM_DYNAMIC', 'use({ api = mosis })'],
    ['LUA_PLATFORM_DYNAMIC', 'local t = { api = mosis } use(t)'],
    ['LUA_PLATFORM_UNKNOWN', 'mosis.storge.get("x")'],
    ['LUA_MARKUP_CODE', 'el.inner_rml = "<script>" .. code .. "</script>"'],
    ['LUA_MARKUP_CODE', 'el.inner_rml = "<p onclick=" .. code .. ">"'],
    ['LUA_MARKUP_CODE', 'local add = el.AddEventListener add(el, "click", "code")'],
    ['LUA_MARKUP_CODE', 'local add add = el.add_event_listener local go = (add) go(el, "click", "code")'],
    ['LUA_MARKUP_CODE', 'local add = el.AddEventListener or el.add_event_listener add(el, "click", "code")'],
    ['LUA_MARKUP_CODE', 'local t = { add = el.AddEventListener } t.add(el, "click", "code")'],
    ['LUA_MARKUP_CODE', 'local t = {} t.add = el.AddEventListener t.add(el, "click", "code")'],
    ['LUA_MARKUP_CODE', 'el["AddEvent" .. "Listener"](el, "click", "code")'],
    ['LUA_MARKUP_CODE', 'local m = "AddEventListener" el[m](el, "click", "code" .. n)'],
    ['LUA_MARKUP_CODE', 'context:LoadDocument(path)'],
    ['LUA_MARKUP_CODE', 'context:LoadDocument("assets/" .. name)'],
    ['LUA_MARKUP_CODE', 'context.load_document(context, path)'],
    ['LUA_MARKUP_CODE', 'mosis.ui.navigate(path)'],
    ['LUA_MARKUP_CODE', 'el:SetAttribute(k, v)'],
    ['LUA_MARKUP_CODE', 'el:set_attribute(k .. "click", v)'],
    ['LUA_MARKUP_CODE', 'el:set_attribute("o" .. k, v)'],
    ['LUA_MARKUP_CODE', 'el:set_attribute(("x"):rep(2), v)'],
    ['LUA_MARKUP_CODE', 'local set = el.SetAttribute set(el, k, v)'],
  ])('%s: %.80s', (code, text) => {
    const found = analyse(text).findings;
    expect(found.map((f) => f.code)).toContain(code);
    expect(found.filter((f) => f.severity === 'error')).toEqual([]);
  });
});

describe('detours', () => {
  /** Ways to write the table of globals when `g` is one. */
  const STEPS: readonly ((g: string, n: number) => { before?: string; value: string })[] = [
    (g) => ({ value: `(${g})` }),
    (g) => ({ value: `(${g} or other)` }),
    (g) => ({ value: `(nothing and 1 or ${g})` }),
    (g) => ({ value: `(flag and ${g})` }),
    (g) => ({ value: `(${g})._G` }),
    (g) => ({ value: `(${g})["_" .. "G"]` }),
    (g) => ({ value: `({ ${g} })[1]` }),
    (g) => ({ value: `({ key = ${g} }).key` }),
    (g) => ({ value: `({ a = { b = ${g} } }).a["b"]` }),
    (g) => ({ value: `assert(${g})` }),
    (g) => ({ value: `rawget(${g}, "_G")` }),
    (g) => ({ value: `(function() return ${g} end)()` }),
    (g) => ({ value: `(function(x) return x end)(${g})` }),
    (g) => ({ value: `select(1, ${g})` }),
    (g) => ({ value: `setmetatable({}, { __index = ${g} })` }),
    (g, n) => ({ before: `local v${n} = ${g}`, value: `v${n}` }),
    (g, n) => ({ before: `local v${n} <const>, w${n} = ${g}, 1`, value: `v${n}` }),
    (g, n) => ({ before: `local v${n} v${n} = ${g}`, value: `v${n}` }),
    (g, n) => ({ before: `local v${n} = 1 v${n} = ${g}`, value: `v${n}` }),
    (g, n) => ({ before: `local v${n} = { k = ${g} }`, value: `v${n}.k` }),
    (g, n) => ({ before: `local v${n} = {} v${n}.k = ${g}`, value: `v${n}.k` }),
    (g, n) => ({ before: `global${n} = ${g}`, value: `global${n}` }),
    (g, n) => ({ before: `local function v${n}() return ${g} end`, value: `v${n}()` }),
    (g, n) => ({ before: `local v${n} = {} for _, x in ipairs({ ${g} }) do v${n} = x end`, value: `v${n}` }),
  ];
  const ENDS = [
    '.load("x")',
    '["lo" .. "ad"]("x")',
    '[name]("x")',
    '.os.execute("x")',
    ':load("x")',
    '["io"].open("x")',
  ];
  const START = fc.constantFrom('_G', '_ENV', 'require("_G")', '_G._G');

  test('every detour to a forbidden global ends in an error', () => {
    fc.assert(
      fc.property(
        START,
        fc.array(fc.nat({ max: STEPS.length - 1 }), { maxLength: 6 }),
        fc.constantFrom(...ENDS),
        (start, steps, end) => {
          let value: string = start;
          const before: string[] = [];
          steps.forEach((step, n) => {
            const next = STEPS[step]?.(value, n);
            if (next?.before !== undefined) before.push(next.before);
            value = next?.value ?? value;
          });
          const text = `${before.join('\n')}\nlocal result = (${value})${end}`;
          const errors = analyse(text).findings.filter((f) => f.severity === 'error' && f.code !== 'LUA_SYNTAX');
          if (errors.length === 0) throw new Error(`not found: ${text}`);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('bounds', () => {
  test('a finding is reported once for a place, and twenty times for a file', () => {
    expect(analyse('_G.load("x")').findings).toHaveLength(1);
    expect(analyse('load("x")\n'.repeat(100)).findings).toHaveLength(20);
  });

  test('finds modules beside the file, at the root and in the script folders', () => {
    const files = new Map(
      ['a.lua', 'assets/b.lua', 'assets/scripts/c/init.lua', 'ui/d.lua', 'lib/e.lua'].map((p) => [p, new Uint8Array()]),
    );
    const modules = new Modules(files, ['lib/']);
    expect(
      ['a', 'b', 'c', 'd', 'e', '../a', 'lib/e.lua', 'lib.e', '../../a', 'x'].map((n) =>
        modules.resolve(n, 'ui/main.lua'),
      ),
    ).toEqual([
      'a.lua',
      'assets/b.lua',
      'assets/scripts/c/init.lua',
      'ui/d.lua',
      'lib/e.lua',
      'a.lua',
      'lib/e.lua',
      'lib/e.lua',
      null,
      null,
    ]);
  });

  test('Lua in RML beyond the bound is an error, not skipped in silence', () => {
    const rml = `<rml><body>${'<p onclick="f()"></p>'.repeat(31_000)}</body></rml>`;
    const contents: PackageContents = { files: new Map([['a.rml', new TextEncoder().encode(rml)]]), manifest: null };
    expect(luaCheck.run(contents)).toEqual([expect.objectContaining({ code: 'LUA_TOO_COMPLEX', file: 'a.rml' })]);
  });

  test('500 files of 10 MB are checked in time', async () => {
    const encoder = new TextEncoder();
    const innocent = INNOCENT.filter(
      (s) => !/^return|return \w+\(?\w*|<const>|::|local _(?:G|ENV)|local os/.test(s.source),
    );
    const lua = encoder.encode(
      Array.from({ length: 4 }, () => innocent.map((s) => `do ${s.source}\nend\n`).join('')).join(''),
    );
    const row = '<div class="row"><p onclick="go(event, 1)">Text &amp; more</p><img src="/i.png"/></div>\n';
    const rml = encoder.encode(`<rml><body>${row.repeat(150)}</body></rml>`);
    const rcss = encoder.encode('.row > p { color: #fff; decorator: image("/i.png"); }\n'.repeat(300));
    const files = new Map<string, Uint8Array>([['i.png', new Uint8Array(8)]]);
    for (let i = 0; i < 100; i++) files.set(`assets/${i}.rml`, rml).set(`assets/${i}.rcss`, rcss);
    const luaFiles = Math.min(300, Math.floor(7e6 / lua.length));
    for (let i = 0; i < luaFiles; i++) files.set(`assets/${i}.lua`, lua);
    const bytes = [...files.values()].reduce((sum, file) => sum + file.length, 0);
    const start = process.cpuUsage();
    for (const check of [luaCheck, rmlCheck, rcssCheck]) await check.run({ files, manifest: null });
    const ms = process.cpuUsage(start).user / 1000;
    console.log(
      `checked ${files.size} files, ${(bytes / 1e6).toFixed(1)} MB, in ${ms.toFixed(0)} ms of processor time`,
    );
    expect(ms).toBeLessThan(5000);
  });
});
