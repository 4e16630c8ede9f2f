/** A file is what its bytes say: every allowed type with the bytes that it has, and with those of every other. */
import { describe, expect, it } from 'vitest';
import { checkContent, MEDIA_TYPES, TEXT_TYPES } from '../../format/contents.ts';
import { FindingList } from '../../format/finding-list.ts';
import { concat, png, utf8 } from '../support/packages.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const padded = (bytes: Uint8Array): Uint8Array => concat([bytes, new Uint8Array(64)]);

/** The first bytes of real files. */
const SOUND: Readonly<Record<(typeof MEDIA_TYPES)[number], readonly Uint8Array[]>> = {
  '.png': [png(8)],
  '.jpg': [padded(hex('ff d8 ff e0 00 10 4a 46 49 46')), padded(hex('ff d8 ff e1'))],
  '.jpeg': [padded(hex('ff d8 ff db'))],
  '.webp': [padded(concat([utf8('RIFF'), hex('24 00 00 00'), utf8('WEBPVP8 ')]))],
  '.ttf': [padded(hex('00 01 00 00 00 10')), padded(utf8('true'))],
  '.otf': [padded(utf8('OTTO')), padded(hex('00 01 00 00'))],
  '.woff2': [padded(utf8('wOF2'))],
  '.wav': [padded(concat([utf8('RIFF'), hex('24 00 00 00'), utf8('WAVEfmt ')]))],
  '.ogg': [padded(utf8('OggS'))],
  '.mp3': [padded(utf8('ID3')), padded(hex('ff fb 90 00')), padded(hex('ff f3 40'))],
};

const codesOf = (path: string, bytes: Uint8Array): string[] => {
  const found = new FindingList(10);
  checkContent(path, bytes, found);
  return found.list().map(({ code }) => code);
};

/** Types that share their first bytes. */
const ALIKE = [
  ['.jpg', '.jpeg'],
  ['.ttf', '.otf'],
];

describe('media', () => {
  it.each(MEDIA_TYPES)('%s is taken by its own bytes', (type) => {
    for (const bytes of SOUND[type]) expect(codesOf(`assets/a${type}`, bytes)).toEqual([]);
  });

  it.each(MEDIA_TYPES)('%s is refused with the bytes of any other type, with text, cut off and empty', (type) => {
    for (const other of MEDIA_TYPES) {
      if (other === type || ALIKE.some((pair) => pair.includes(type) && pair.includes(other))) continue;
      for (const bytes of SOUND[other])
        expect([other, codesOf(`a${type}`, bytes)]).toEqual([other, ['CONTENT_TYPE_MISMATCH']]);
    }
    for (const bytes of [utf8('hello, world'), new Uint8Array(), new Uint8Array([0xff])])
      expect(codesOf(`a${type}`, bytes)).toEqual(['CONTENT_TYPE_MISMATCH']);
  });

  it.each([
    ['layer I', 'ff ff 90 00'],
    ['a reserved version', 'ff eb 90 00'],
    ['half a sync word', 'ff 0b 90 00'],
  ])('an MP3 frame of %s is none', (_, bytes) => {
    expect(codesOf('a.mp3', padded(hex(bytes)))).toEqual(['CONTENT_TYPE_MISMATCH']);
  });

  it.each(TEXT_TYPES)('%s is text: UTF-8 without NUL, whatever its size', (type) => {
    expect(codesOf(`a${type}`, utf8('ü 💡\n'))).toEqual([]);
    expect(codesOf(`a${type}`, new Uint8Array())).toEqual([]);
    expect(codesOf(`a${type}`, utf8('a\0b'))).toEqual(['CONTENT_TEXT_NUL']);
    expect(codesOf(`a${type}`, hex('61 ff'))).toEqual(['CONTENT_TEXT_NOT_UTF8']);
    expect(codesOf(`a${type}`, hex('ed a0 80'))).toEqual(['CONTENT_TEXT_NOT_UTF8']);
  });

  it('a character that crosses the pieces of a large text is whole', () => {
    for (const before of [256 * 1024 - 1, 256 * 1024 - 2, 512 * 1024 - 3])
      expect(codesOf('a.txt', utf8(`${'x'.repeat(before)}💡`))).toEqual([]);
    expect(codesOf('a.txt', utf8(`${'x'.repeat(256 * 1024 - 2)}💡`).subarray(0, -1))).toEqual([
      'CONTENT_TEXT_NOT_UTF8',
    ]);
  });
});
