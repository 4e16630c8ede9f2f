// Breaks packed lines for reading: line ends are added, never anything taken or changed. Pure.
import type { Language } from '#lib/code/shape.ts';

/** Lines shorter than this stay as they are. */
const PACKED_LINE = 1000;
const LUA_WORDS = new Set('break else elseif end for function goto if local repeat return until while'.split(' '));
const LUA_OPENERS = new Set(['do', 'then', ';']);

export type Spread = {
  text: string;
  /** The line in `text` of a place in the original; line and column from 1, null for the line's begin. */
  lineAt: (line: number, column: number | null) => number;
};

/** The text with its packed lines broken where the language lets a reader expect it: never within a string or a comment. */
export function spread(text: string, language: Language | null): Spread {
  const added: number[] = [];
  const starts: number[] = [];
  let start = 0;
  for (const line of text.split('\n')) {
    starts.push(start);
    if (line.length > PACKED_LINE && language !== null)
      for (const at of breaksOf(line, language)) added.push(start + at);
    start += line.length + 1;
  }
  let from = 0;
  const parts = added.map((at) => {
    const part = text.slice(from, at);
    from = at;
    return part;
  });
  return {
    text: [...parts, text.slice(from)].join('\n'),
    lineAt(line, column) {
      const index = Math.min(starts.length, Math.max(1, line)) - 1;
      const place = (starts[index] ?? 0) + Math.max(0, (column ?? 1) - 1);
      return index + 1 + added.filter((at) => at <= place).length;
    },
  };
}

/** Offsets in the line before which to break, in order. */
function breaksOf(line: string, language: Language): number[] {
  const breaks: number[] = [];
  // Strings and comments first: what stands in them is stepped over as one, to the line's end where they are left open, so that
  // no text makes the search begin again. Then a Lua word, or one character.
  const tokens =
    language === 'lua'
      ? /--\[(=*)\[.*?(?:\]\1\]|$)|--.*$|\[(=*)\[.*?(?:\]\2\]|$)|"(?:\\(?:.|$)|[^"\\])*(?:"|$)|'(?:\\(?:.|$)|[^'\\])*(?:'|$)|[A-Za-z_]\w*|./gs
      : /\/\*.*?(?:\*\/|$)|"(?:\\(?:.|$)|[^"\\])*(?:"|$)|'(?:\\(?:.|$)|[^'\\])*(?:'|$)|./gs;
  for (const { 0: token, index } of line.matchAll(tokens)) {
    const after = index + token.length;
    if (language === 'lua') {
      const isLocalFunction = token === 'function' && /\blocal\s+$/.test(line.slice(Math.max(0, index - 40), index));
      if (LUA_WORDS.has(token) && !isLocalFunction) breaks.push(index);
      else if (LUA_OPENERS.has(token)) breaks.push(after);
    } else if (language === 'xml') {
      if (token === '<') breaks.push(index);
    } else if (language === 'json' ? '{[,'.includes(token) : '{;}'.includes(token)) breaks.push(after);
  }
  // No empty lines: two breaks with nothing but blanks between them are one.
  return breaks.filter(
    (at, index) => at < line.length && line.slice(index === 0 ? 0 : breaks[index - 1], at).trim() !== '',
  );
}
