// Reads a Lua traceback into frames and tells the app's own from the runtime's. Pure.

export type StackFrame = {
  /** Where the frame stands in the traceback, innermost 0. */
  index: number;
  /** The file inside the package, or what the runtime calls the place. */
  file: string;
  line: number | null;
  /** What runs there, as the traceback says it. */
  what: string;
  inPackage: boolean;
};

const MAX_LINES = 400;

/** The frames of a traceback, innermost first; lines that are none are left out. */
export function stackFrames(stackTrace: string): StackFrame[] {
  const frames: StackFrame[] = [];
  for (const line of stackTrace.split('\n', MAX_LINES)) {
    const text = line.trim();
    const split = text.indexOf(': in ');
    if (split === -1) continue;
    const place = text.slice(0, split);
    const [, path = place, number] = /^(.*):(\d+)$/.exec(place) ?? [];
    frames.push({
      index: frames.length,
      file: inPackagePath(path),
      line: number === undefined ? null : Number(number),
      what: text.slice(split + ': in '.length),
      inPackage: isInPackage(place),
    });
  }
  return frames;
}

/** The frames that a developer can mend first, then those of the runtime, both innermost first. */
export function ownFirst(frames: readonly StackFrame[]): { own: StackFrame[]; others: StackFrame[] } {
  return { own: frames.filter((frame) => frame.inPackage), others: frames.filter((frame) => !frame.inPackage) };
}

/** Lua names the package's files relative to it, or with the folder it is installed in; the runtime's are elsewhere. */
function isInPackage(place: string): boolean {
  if (place === '[C]' || place.startsWith('[string ')) return false;
  return !/^@?(?:[/\\]|[A-Za-z]:[/\\])/.test(place) || /[/\\]package[/\\]/.test(place);
}

function inPackagePath(path: string): string {
  const plain = path.replaceAll('\\', '/').replace(/^@/, '');
  const root = plain.lastIndexOf('/package/');
  return (root === -1 ? plain : plain.slice(root + '/package/'.length)).replace(/^(?:\.\/)+/, '');
}
