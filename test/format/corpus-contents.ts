/** Owns the bad packages of contents, manifest and signature, docs/PACKAGE_FORMAT.md §2 to §4: well-formed ZIPs, all of them. */

import { toBase64 } from '../../format/base64.ts';
import type { CONTENTS_CATALOGUE } from '../../format/catalogue/contents.ts';
import type { MANIFEST_CATALOGUE } from '../../format/catalogue/manifest.ts';
import type { SIGNATURE_CATALOGUE } from '../../format/catalogue/signature.ts';
import { packageSignedBytes } from '../../format/package-signature.ts';
import { keyIdOf, publicKeyFrom } from '../../format/signing.ts';
import {
  concat,
  goodFiles,
  goodPackage,
  OTHER_SECRET_KEY,
  png,
  rawZip,
  TEST_SECRET_KEY,
  utf8,
} from '../support/packages.ts';
import type { BadPackage } from './corpus-archive.ts';

const file =
  (path: string, content: Uint8Array | string): (() => Uint8Array) =>
  () =>
    goodPackage({ files: { [path]: content } });
const manifest =
  (fields: Record<string, unknown>): (() => Uint8Array) =>
  () =>
    goodPackage({ manifest: fields });
const manifestText = (content: string | Uint8Array): (() => Uint8Array) => file('manifest.json', content);
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const padded = (magic: Uint8Array): Uint8Array => concat([magic, new Uint8Array(512)]);

export const CONTENTS_CORPUS: readonly BadPackage<keyof typeof CONTENTS_CATALOGUE>[] = [
  { code: 'CONTENT_MANIFEST_MISSING', bytes: () => goodPackage({ files: { 'manifest.json': null } }) },
  {
    code: 'CONTENT_MANIFEST_MISSING',
    name: 'in a folder only',
    bytes: () => goodPackage({ files: { 'manifest.json': null, 'app/manifest.json': '{}' } }),
  },
  { code: 'CONTENT_TYPE_NOT_ALLOWED', bytes: file('assets/run.sh', 'echo') },
  { code: 'CONTENT_TYPE_NOT_ALLOWED', name: 'no extension', bytes: file('assets/Makefile', 'all:') },
  { code: 'CONTENT_TYPE_NOT_ALLOWED', name: 'upper case', bytes: file('assets/photo.PNG', png(8)) },
  { code: 'CONTENT_TYPE_NOT_ALLOWED', name: 'a second signature', bytes: file('assets/signature.sig', '{}') },
  { code: 'CONTENT_TYPE_NOT_ALLOWED', name: 'hidden file', bytes: file('assets/.png', png(8)) },
  { code: 'CONTENT_TYPE_MISMATCH', bytes: file('assets/photo.png', bytes(0xff, 0xd8, 0xff, 0xe0)) },
  { code: 'CONTENT_TYPE_MISMATCH', name: 'empty picture', bytes: file('assets/photo.png', new Uint8Array()) },
  { code: 'CONTENT_TYPE_MISMATCH', name: 'text as sound', bytes: file('assets/sound.mp3', 'not a sound') },
  { code: 'CONTENT_EXECUTABLE', bytes: file('assets/a.txt', padded(bytes(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1))) },
  { code: 'CONTENT_EXECUTABLE', name: 'PE', bytes: file('assets/a.ttf', padded(utf8('MZ\x90'))) },
  { code: 'CONTENT_EXECUTABLE', name: 'Mach-O', bytes: file('assets/a.png', padded(bytes(0xcf, 0xfa, 0xed, 0xfe))) },
  {
    code: 'CONTENT_NESTED_ARCHIVE',
    bytes: () => goodPackage({ files: { 'assets/a.txt': rawZip([{ name: 'b', content: 'x' }]) } }),
  },
  { code: 'CONTENT_NESTED_ARCHIVE', name: 'gzip', bytes: file('assets/a.txt', padded(bytes(0x1f, 0x8b, 8))) },
  {
    code: 'CONTENT_NESTED_ARCHIVE',
    name: 'behind a picture',
    bytes: () => goodPackage({ files: { 'assets/a.png': concat([png(8), rawZip([{ name: 'b', content: 'x' }])]) } }),
  },
  {
    code: 'CONTENT_NESTED_ARCHIVE',
    name: 'behind a picture, with a comment',
    bytes: () =>
      goodPackage({
        files: { 'assets/a.png': concat([png(8), rawZip([{ name: 'b', content: 'x' }], { comment: utf8('PPPP') })]) },
      }),
  },
  { code: 'CONTENT_LUA_COMPILED', bytes: file('assets/a.lua', concat([bytes(0x1b), utf8('Lua'), bytes(0x54, 0)])) },
  { code: 'CONTENT_TEXT_NOT_UTF8', bytes: file('assets/a.rml', bytes(0x63, 0xe9)) },
  { code: 'CONTENT_TEXT_NUL', bytes: file('assets/a.lua', '-- a\0b') },
];

const GOOD = '"name":"A","version":"1.0.0"';

export const MANIFEST_CORPUS: readonly BadPackage<keyof typeof MANIFEST_CATALOGUE>[] = [
  { code: 'MANIFEST_TOO_LARGE', bytes: manifestText(`{}${' '.repeat(65 * 1024)}`) },
  { code: 'MANIFEST_NOT_UTF8', bytes: manifestText(bytes(0x7b, 0xff, 0x7d)) },
  { code: 'MANIFEST_JSON_SYNTAX', bytes: manifestText('{"id": "com.example.app",}') },
  { code: 'MANIFEST_JSON_SYNTAX', name: 'byte order mark', bytes: manifestText('\ufeff{}') },
  { code: 'MANIFEST_JSON_SYNTAX', name: 'comment', bytes: manifestText('{} // no') },
  { code: 'MANIFEST_JSON_SYNTAX', name: 'empty', bytes: manifestText('') },
  { code: 'MANIFEST_JSON_SYNTAX', name: 'NaN', bytes: manifestText('{"version_code": NaN}') },
  { code: 'MANIFEST_DUPLICATE_KEY', bytes: manifestText('{"id": "a.b", "id": "c.d"}') },
  {
    code: 'MANIFEST_DUPLICATE_KEY',
    name: 'spelt with an escape',
    bytes: manifestText('{"id": "a.b", "\\u0069d": "c.d"}'),
  },
  { code: 'MANIFEST_DUPLICATE_KEY', name: '__proto__', bytes: manifestText('{"__proto__": 1, "__proto__": 2}') },
  { code: 'MANIFEST_TOO_DEEP', bytes: manifestText(`{"a":${'['.repeat(8)}${']'.repeat(8)}}`) },
  { code: 'MANIFEST_NOT_OBJECT', bytes: manifestText('[]') },
  { code: 'MANIFEST_NOT_OBJECT', name: 'null', bytes: manifestText('null') },
  { code: 'MANIFEST_KEY_MISSING', bytes: manifestText(`{${GOOD}}`) },
  { code: 'MANIFEST_KEY_MISSING', name: 'of the author', bytes: manifest({ author: { name: 'Ada' } }) },
  { code: 'MANIFEST_KEY_UNKNOWN', bytes: manifest({ permisions: [] }) },
  { code: 'MANIFEST_KEY_UNKNOWN', name: 'icon of another size', bytes: manifest({ icons: { '16': 'icons/64.png' } }) },
  { code: 'MANIFEST_TEXT_CONTROL', bytes: manifest({ name: 'Maps\u202e' }) },
  { code: 'MANIFEST_TEXT_CONTROL', name: 'line break', bytes: manifest({ description: 'a\nb' }) },
  { code: 'MANIFEST_TEXT_CONTROL', name: 'unpaired surrogate', bytes: manifest({ name: '\ud800' }) },
  { code: 'MANIFEST_ID', bytes: manifest({ id: 'MyApp' }) },
  { code: 'MANIFEST_ID', name: 'one segment', bytes: manifest({ id: 'app' }) },
  { code: 'MANIFEST_ID', name: '129 characters', bytes: manifest({ id: `a.${'b'.repeat(127)}` }) },
  { code: 'MANIFEST_ID', name: 'line feed at the end', bytes: manifest({ id: 'com.example.app\n' }) },
  { code: 'MANIFEST_NAME', bytes: manifest({ name: '' }) },
  { code: 'MANIFEST_NAME', name: '51 characters', bytes: manifest({ name: 'é'.repeat(51) }) },
  { code: 'MANIFEST_NAME', name: 'only spaces', bytes: manifest({ name: '   ' }) },
  { code: 'MANIFEST_VERSION', bytes: manifest({ version: '1.0' }) },
  { code: 'MANIFEST_VERSION', name: 'leading zero', bytes: manifest({ version: '1.02.0' }) },
  { code: 'MANIFEST_VERSION_CODE', bytes: manifest({ version_code: '7' }) },
  { code: 'MANIFEST_VERSION_CODE', name: 'zero', bytes: manifest({ version_code: 0 }) },
  { code: 'MANIFEST_VERSION_CODE', name: 'fraction', bytes: manifest({ version_code: 1.5 }) },
  { code: 'MANIFEST_VERSION_CODE', name: '2^31', bytes: manifest({ version_code: 2_147_483_648 }) },
  { code: 'MANIFEST_ENTRY', bytes: manifest({ entry: 'assets/main.lua' }) },
  { code: 'MANIFEST_ENTRY_MISSING', bytes: manifest({ entry: 'assets/Main.rml' }) },
  { code: 'MANIFEST_PERMISSIONS', bytes: manifest({ permissions: 'camera' }) },
  { code: 'MANIFEST_PERMISSION_UNKNOWN', bytes: manifest({ permissions: ['internet'] }) },
  { code: 'MANIFEST_PERMISSION_REPEATED', bytes: manifest({ permissions: ['network', 'network'] }) },
  { code: 'MANIFEST_MIN_VERSION', bytes: manifest({ min_mosis_version: '2' }) },
  { code: 'MANIFEST_AUTHOR', bytes: manifest({ author: 'Ada' }) },
  { code: 'MANIFEST_AUTHOR_EMAIL', bytes: manifest({ author: { name: 'Ada', email: 'ada' } }) },
  {
    code: 'MANIFEST_AUTHOR_EMAIL',
    name: '255 characters',
    bytes: manifest({ author: { name: 'Ada', email: `ada@${'a.'.repeat(124)}com` } }),
  },
  { code: 'MANIFEST_ICONS', bytes: manifest({ icons: { '64': 'icons/64.svg' } }) },
  { code: 'MANIFEST_ICON_MISSING', bytes: manifest({ icons: { '64': 'icons/none.png' } }) },
  { code: 'MANIFEST_DESCRIPTION', bytes: manifest({ description: 5 }) },
  { code: 'MANIFEST_DESCRIPTION', name: '4,001 characters', bytes: manifest({ description: 'a'.repeat(4001) }) },
  { code: 'MANIFEST_HOMEPAGE', bytes: manifest({ homepage: 'http://example.com' }) },
  { code: 'MANIFEST_HOMEPAGE', name: 'script', bytes: manifest({ homepage: 'javascript:alert(1)' }) },
  { code: 'MANIFEST_HOMEPAGE', name: 'user name', bytes: manifest({ homepage: 'https://example.com@evil.example' }) },
  { code: 'MANIFEST_DEFAULT_LOCALE', bytes: manifest({ default_locale: 'english' }) },
];

/** The good files with a signature file made by `change` from an honest one. */
function signedBy(change: (honest: Record<string, string>, signed: Uint8Array) => unknown): () => Uint8Array {
  return () => {
    const files = goodFiles();
    const honest: Record<string, string> = JSON.parse(new TextDecoder().decode(files.get('signature.sig')));
    const content = change(honest, packageSignedBytes(files));
    return goodPackage({ files: { 'signature.sig': typeof content === 'string' ? content : JSON.stringify(content) } });
  };
}

const OTHER_KEY = publicKeyFrom(OTHER_SECRET_KEY);
const ZERO_KEY = new Uint8Array(32);

export const SIGNATURE_CORPUS: readonly BadPackage<keyof typeof SIGNATURE_CATALOGUE>[] = [
  { code: 'SIGNATURE_MISSING', bytes: () => goodPackage({ secretKey: null }) },
  { code: 'SIGNATURE_MALFORMED', bytes: signedBy((honest) => ({ ...honest, extra: '1' })) },
  { code: 'SIGNATURE_MALFORMED', name: 'no JSON', bytes: signedBy(() => 'PGP') },
  {
    code: 'SIGNATURE_MALFORMED',
    name: 'key missing',
    bytes: signedBy(({ keyId, format, signature }) => ({ keyId, format, signature })),
  },
  {
    code: 'SIGNATURE_MALFORMED',
    name: '63 bytes',
    bytes: signedBy((honest) => ({ ...honest, signature: toBase64(new Uint8Array(63)) })),
  },
  {
    code: 'SIGNATURE_MALFORMED',
    name: 'base64 with loose bits',
    bytes: signedBy((honest) => ({ ...honest, publicKey: `${'A'.repeat(42)}B=` })),
  },
  {
    code: 'SIGNATURE_MALFORMED',
    name: 'duplicate key',
    bytes: signedBy((honest) => JSON.stringify(honest).replace('{', '{"format":"x",')),
  },
  {
    code: 'SIGNATURE_MALFORMED',
    name: 'too long',
    bytes: signedBy((honest) => `${JSON.stringify(honest)}${' '.repeat(5000)}`),
  },
  { code: 'SIGNATURE_FORMAT_UNKNOWN', bytes: signedBy((honest) => ({ ...honest, format: 'mosis-package-v9' })) },
  { code: 'SIGNATURE_KEY_ID_MISMATCH', bytes: signedBy((honest) => ({ ...honest, keyId: keyIdOf(OTHER_KEY) })) },
  {
    code: 'SIGNATURE_KEY_WEAK',
    bytes: signedBy((honest) => ({ ...honest, publicKey: toBase64(ZERO_KEY), keyId: keyIdOf(ZERO_KEY) })),
  },
  {
    code: 'SIGNATURE_INVALID',
    bytes: signedBy((honest) => ({ ...honest, publicKey: toBase64(OTHER_KEY), keyId: keyIdOf(OTHER_KEY) })),
  },
  {
    code: 'SIGNATURE_INVALID',
    name: 'file changed',
    bytes: () =>
      goodPackage({
        files: { 'signature.sig': goodFiles().get('signature.sig') ?? null, 'assets/main.lua': 'os.exit()' },
      }),
  },
  {
    code: 'SIGNATURE_INVALID',
    name: 'file added',
    bytes: () =>
      goodPackage({
        files: {
          'signature.sig': goodFiles({ secretKey: TEST_SECRET_KEY }).get('signature.sig') ?? null,
          'assets/new.lua': '',
        },
      }),
  },
  {
    code: 'SIGNATURE_INVALID',
    name: 'file removed',
    bytes: () =>
      goodPackage({ files: { 'signature.sig': goodFiles().get('signature.sig') ?? null, 'locales/en.json': null } }),
  },
];
