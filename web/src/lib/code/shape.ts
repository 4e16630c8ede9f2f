// What a text is for the code view: its language by its path, and whether it was packed into few long lines. Pure.

export const LANGUAGES = ['lua', 'xml', 'css', 'json', 'markdown'] as const;
export type Language = (typeof LANGUAGES)[number];

const BY_ENDING: Readonly<Record<string, Language>> = {
  lua: 'lua',
  rml: 'xml',
  xml: 'xml',
  svg: 'xml',
  html: 'xml',
  rcss: 'css',
  css: 'css',
  json: 'json',
  sig: 'json',
  md: 'markdown',
};
/** A line that no person wrote: source is rarely wider than 200 columns. */
const PACKED_LINE = 1000;

/** The language to colour a file in; null for plain text. */
export function languageOf(path: string): Language | null {
  return BY_ENDING[/\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ''] ?? null;
}

/** The lines of a text and the length of the longest. */
export function shapeOf(text: string): { lines: number; longest: number; packed: boolean } {
  let lines = 1;
  let longest = 0;
  let start = 0;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
    longest = Math.max(longest, end - start);
    lines += 1;
    start = end + 1;
  }
  longest = Math.max(longest, text.length - start);
  return { lines, longest, packed: longest > PACKED_LINE };
}
