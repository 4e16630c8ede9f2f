/** Owns the way from an offset in a text file to its line and column. */

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}
/** Gives the place of an offset; lines and columns count from 1, columns in UTF-16 units. */
export type Places = (at: number) => Place;

/** Places in one text, which may itself start at a line and column of its file. */
export function createPlaces(file: string, text: string, line = 1, column = 1): Places {
  let starts: number[] | null = null;
  return (at) => {
    starts ??= lineStarts(text);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return { file, line: line + low, column: at - (starts[low] ?? 0) + (low === 0 ? column : 1) };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
