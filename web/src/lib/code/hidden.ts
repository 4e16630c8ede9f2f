// Finds the characters of a text that a reader cannot see, or that change the order of what they see. Pure.

/** What a hidden character is called where its code point alone says little. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'null',
  8: 'backspace',
  13: 'carriage return',
  27: 'escape',
  173: 'soft hyphen',
  1564: 'Arabic letter mark',
  8203: 'zero width space',
  8204: 'zero width non-joiner',
  8205: 'zero width joiner',
  8206: 'left-to-right mark',
  8207: 'right-to-left mark',
  8232: 'line separator',
  8233: 'paragraph separator',
  8234: 'left-to-right embedding',
  8235: 'right-to-left embedding',
  8236: 'end of embedding',
  8237: 'left-to-right override',
  8238: 'right-to-left override',
  8288: 'word joiner',
  8294: 'left-to-right isolate',
  8295: 'right-to-left isolate',
  8296: 'first strong isolate',
  8297: 'end of isolate',
  12644: 'Hangul filler',
  65279: 'byte order mark',
};

/** Format, control and blank characters beyond what the code view marks by itself (bidirectional, joiners, fillers, tags). */
export const MORE_HIDDEN =
  /[\u034f\u115f\u1160\u17b4\u17b5\u180e\u200c\u202a-\u202c\u2060-\u2065\u2068\u206a-\u206f\u2800\u3164\uffa0\u{e0000}-\u{e01ef}]|\u200d/gu;
const HIDDEN = new RegExp(
  `[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u200b\\u200e\\u200f\\u2028\\u2029\\u202d\\u202e\\u2066\\u2067\\u2069\\ufeff\\ufff9-\\ufffc]|${MORE_HIDDEN.source}`,
  'gu',
);
const REORDERING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

export type Hidden = {
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 units. */
  column: number;
  /** "U+202E right-to-left override". */
  name: string;
  /** Whether it changes the order of what is shown: the mark of source made to be misread. */
  reorders: boolean;
};

/** "U+202E right-to-left override", or the code point alone. */
export function nameOfCharacter(codePoint: number): string {
  const code = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
  const name = NAMES[codePoint];
  return name === undefined ? code : `${code} ${name}`;
}

/** The hidden characters of a text in its order, at most `limit`. A line's end and a tab are none. */
export function hiddenCharacters(text: string, limit = 200): Hidden[] {
  const found: Hidden[] = [];
  let line = 1;
  let lineStart = 0;
  let counted = 0;
  for (const match of text.matchAll(HIDDEN)) {
    const at = match.index;
    const character = match[0];
    if (character === '\r' && text[at + 1] === '\n') continue;
    for (; counted < at; counted++) {
      const isEnd =
        text.charCodeAt(counted) === 10 || (text.charCodeAt(counted) === 13 && text.charCodeAt(counted + 1) !== 10);
      if (!isEnd) continue;
      line += 1;
      lineStart = counted + 1;
    }
    found.push({
      line,
      column: at - lineStart + 1,
      name: nameOfCharacter(character.codePointAt(0) ?? 0),
      reorders: REORDERING.test(character),
    });
    if (found.length === limit) break;
  }
  return found;
}
