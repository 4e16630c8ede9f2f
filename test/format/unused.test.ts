/** Files that nothing refers to: what counts as a reference, what is left out because it cannot be known, and bounds. */
import { describe, expect, it } from 'vitest';
import { unusedCheck } from '../../format/checks/unused.ts';
import { contentsFromFiles } from '../../format/folder.ts';
import { goodFiles, png } from '../support/packages.ts';

const PICTURE = png(8);
const RML = (body: string) =>
  `<rml><head><link type="text/rcss" href="main.rcss"/><script src="main.lua"/></head><body>${body}</body></rml>`;

/** The good app with these files, and what is called unused in it. */
async function unused(files: Record<string, string | Uint8Array>): Promise<(string | undefined)[]> {
  const { contents } = contentsFromFiles(goodFiles({ files }));
  if (contents === null) throw new Error('the files are refused');
  return (await unusedCheck.run(contents)).map((found) => (found.code === 'FILE_UNUSED' ? found.file : found.code));
}

describe('unused files', () => {
  it('finds nothing in an app that uses all of its files', async () => {
    expect(await unused({})).toEqual([]);
  });

  it('names each file that nothing refers to, once', async () => {
    const files = { 'assets/old.png': PICTURE, 'assets/more/old.rml': '<rml></rml>', 'assets/lib/old.lua': 'return 1' };
    expect(await unused(files)).toEqual(['assets/lib/old.lua', 'assets/more/old.rml', 'assets/old.png']);
  });

  it.each([
    ['an attribute of a document', { 'assets/main.rml': RML('<img src="a.png"/>') }],
    ['an attribute of a data binding', { 'assets/main.rml': RML(`<img data-attr-src="big ? 'a.png' : 'b'"/>`) }],
    ['a style attribute', { 'assets/main.rml': RML('<p style="decorator: image(a.png contain)">x</p>') }],
    ['a sheet', { 'assets/main.rcss': 'p { decorator: image( "/assets/a.png" ); }' }],
    ['a sprite sheet', { 'assets/main.rcss': '@spritesheet s { src: a.png; x: 0px 0px 1px 1px; }' }],
    ['a string of Lua', { 'assets/main.lua': 'show("assets/a.png")' }],
    ['a long string of Lua', { 'assets/main.lua': 'show([[a.png]])' }],
    ['markup in Lua', { 'assets/main.lua': 'el.inner_rml = "<img src=\'../assets/a.png\'/>"' }],
    ['an event attribute', { 'assets/main.rml': RML(`<p onclick="show('a.png')">x</p>`) }],
    [
      'a table of JSON that is used',
      { 'assets/data.json': '{"image": "a.png"}', 'assets/main.lua': 'read("data.json")' },
    ],
  ])('takes a name in %s for a use', async (_, files) => {
    expect(await unused({ 'assets/a.png': PICTURE, ...files })).toEqual([]);
  });

  it.each([
    ['a comment of Lua', { 'assets/main.lua': '-- show("a.png")' }],
    ['a comment of a document', { 'assets/main.rml': RML('<!-- <img src="a.png"/> -->') }],
    ['a comment of a sheet', { 'assets/main.rcss': '/* p { decorator: image(a.png); } */' }],
    ['another folder', { 'assets/main.lua': 'show("images/a.png")' }],
    ['a longer name', { 'assets/main.lua': 'show("aa.png")' }],
  ])('does not take %s for a use', async (_, files) => {
    expect(await unused({ 'assets/a.png': PICTURE, ...files })).toEqual(['assets/a.png']);
  });

  it.each(['require("lib.a")', 'require "lib.a"', 'pcall(require, "lib.a")', "require('lib/a')"])(
    'follows %s',
    async (text) => {
      expect(await unused({ 'assets/lib/a.lua': 'return 1', 'assets/main.lua': text })).toEqual([]);
    },
  );

  it('does not count a file that names only itself', async () => {
    expect(await unused({ 'assets/a.lua': 'require("a")' })).toEqual(['assets/a.lua']);
  });

  it('looks every name up again for another file', async () => {
    expect(await unused({ 'assets/a.lua': 'require("a")', 'assets/main.lua': 'require("a")' })).toEqual([]);
  });

  it.each([
    ['joined to a folder', 'show("assets/images/" .. name)'],
    ['joined to a part of a name', 'show("images/cloud_" .. name)'],
    ['formatted', 'show(string.format("images/%s.png", name))'],
    ['a folder in a constant', 'local FOLDER = "assets/images/"'],
    ['joined to an extension', 'show(name .. ".png")'],
  ])('says nothing of files whose path is %s', async (_, text) => {
    expect(await unused({ 'assets/images/a.png': PICTURE, 'assets/main.lua': text })).toEqual([]);
  });

  it('says that paths are built where that hides others', async () => {
    const files = { 'assets/old.ttf': '\0\x01\0\0', 'assets/main.lua': 'show("images/" .. name)' };
    const { contents } = contentsFromFiles(goodFiles({ files }));
    const found = contents === null ? [] : await unusedCheck.run(contents);
    expect(found).toMatchObject([{ file: 'assets/old.ttf', severity: 'notice' }]);
    expect(found[0]?.message).toContain('whose paths Lua builds');
  });

  it('leaves manifest, icons, locales and what is for people alone', async () => {
    const text = 'For people.';
    const files = {
      'README.md': text,
      'LICENSE.txt': text,
      'assets/fonts/OFL.txt': text,
      'locales/de.json': '{"hello":"Hallo"}',
    };
    expect(await unused(files)).toEqual([]);
  });

  it('says that it could not look where a script has no tokens', async () => {
    expect(await unused({ 'assets/main.lua': 'x = "', 'assets/a.png': PICTURE })).toEqual(['FILE_USE_UNKNOWN']);
  });

  it('says that it could not look where a table is too large', async () => {
    const big = `["${'x '.repeat(5 * 1024 * 1024)}"]`;
    expect(await unused({ 'assets/big.json': big, 'assets/a.png': PICTURE })).toEqual(['FILE_USE_UNKNOWN']);
  });

  it.each([
    ['comments of markup that never end', 'assets/a.json.rcss', '<!--'.repeat(500_000)],
    ['comments of sheets that never end', 'assets/a.rcss', '/*'.repeat(1_000_000)],
    ['a constant of dashes', 'assets/a.lua', `x = "${'-'.repeat(900_000)}"`],
    ['a constant of holes', 'assets/a.lua', `x = "${'%0'.repeat(450_000)}"`],
  ])('reads %s in linear time', async (_, file, text) => {
    const before = process.cpuUsage();
    await unused({ [file]: text });
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(3000);
  });

  it('marks many files of one name without looking at them again and again', async () => {
    const files: Record<string, string | Uint8Array> = {};
    for (let i = 0; i < 5000; i += 1) files[`assets/${i}/a.png`] = PICTURE;
    files['assets/main.lua'] = 'show("a.png")\n'.repeat(50_000);
    expect(await unused(files)).toEqual([]);
  });
});
