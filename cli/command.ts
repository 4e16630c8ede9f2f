/** Owns how a command is declared and how its arguments are read. It prints nothing and runs nothing. */
import { parseArgs } from 'node:util';
import type { Context } from './context.ts';
import { type ExitCode, usageError } from './errors.ts';
import type { Styled } from './text.ts';

export type OptionSpec =
  | { readonly type: 'boolean'; readonly short?: string; readonly help: string }
  | {
      readonly type: 'string';
      /** What stands for the value in the help: `FILE`. */
      readonly value: string;
      readonly short?: string;
      readonly help: string;
      readonly choices?: readonly string[];
    };

export interface ArgumentSpec {
  readonly name: string;
  readonly help: string;
  readonly required?: boolean;
  /** Takes every argument that is left. */
  readonly many?: boolean;
}

export type Options = Readonly<Record<string, OptionSpec>>;
export type OptionValues<O extends Options> = {
  readonly [K in keyof O]: O[K] extends { type: 'boolean' } ? boolean : string | undefined;
};

/** What a command hands back: one JSON document, the same as lines for people, and the exit code (default 0). */
export interface Outcome {
  readonly json: unknown;
  readonly lines?: readonly Styled[];
  /** What to do next and the like: on stderr, after the lines; left out under `--json`. */
  readonly notes?: readonly Styled[];
  readonly exit?: ExitCode;
}

export interface Call<O extends Options> {
  readonly args: readonly string[];
  readonly options: OptionValues<O>;
}

interface CommandText {
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What the help says below the usage line, in paragraphs. */
  readonly description?: string;
  readonly examples?: readonly string[];
}

export interface Command extends CommandText {
  readonly kind: 'command';
  readonly arguments: readonly ArgumentSpec[];
  readonly options: Options;
  /** Exit codes of special meaning here, such as `5  refused`. */
  readonly exits?: readonly string[];
  readonly run: (context: Context, argv: readonly string[], path: string) => Promise<Outcome>;
}

/** Commands under one word: `mosis keys list`. */
export interface Group extends CommandText {
  readonly kind: 'group';
  readonly commands: Readonly<Record<string, Command>>;
}

export type CommandSpec<O extends Options> = CommandText & {
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: O;
  readonly exits?: readonly string[];
  readonly run: (context: Context, call: Call<O>) => Promise<Outcome>;
};

/** Declares a command; `run` gets its options with their types. */
export function defineCommand<const O extends Options = Record<never, never>>(spec: CommandSpec<O>): Command {
  const options: Options = spec.options ?? {};
  const positional = spec.arguments ?? [];
  return {
    ...spec,
    kind: 'command',
    arguments: positional,
    options,
    run: (context, argv, path) => {
      const { args, values } = readArguments(argv, { options, arguments: positional, path });
      // `readArguments` fills every declared option by its own type; the table's type cannot follow that.
      return spec.run(context, { args, options: values as OptionValues<O> });
    },
  };
}

/** Declares a group of commands. */
export function defineGroup(spec: CommandText & { readonly commands: Readonly<Record<string, Command>> }): Group {
  return { ...spec, kind: 'group' };
}

interface ArgumentRules {
  readonly options: Options;
  readonly arguments: readonly ArgumentSpec[];
  /** The command as typed, `mosis keys list`, for messages. */
  readonly path: string;
}

/** Reads the words after a command. Throws a usage error that names the mistake and the closest right word. */
export function readArguments(
  argv: readonly string[],
  rules: ArgumentRules,
): { args: string[]; values: Record<string, string | boolean | undefined> } {
  const help = `${rules.path} --help`;
  const values: Record<string, string | boolean | undefined> = {};
  for (const [name, spec] of Object.entries(rules.options)) values[name] = spec.type === 'boolean' ? false : undefined;
  const options = Object.fromEntries(
    Object.entries(rules.options).map(([name, { type, short }]) => [
      name,
      short === undefined ? { type } : { type, short },
    ]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const args: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value);
    if (token.kind === 'option') values[token.name] = optionValue(token, rules.options[token.name], rules);
  }
  const wanted = rules.arguments.filter((argument) => argument.required === true);
  const missing = wanted[args.length];
  if (missing !== undefined) throw usageError(`${missing.name} is missing: ${missing.help}`, help);
  const open = rules.arguments.some((argument) => argument.many === true);
  const extra = args[rules.arguments.length];
  if (extra !== undefined && !open) throw usageError(`One argument too many: "${extra}".`, help);
  return { args, values };
}

/** The options that `main` takes out beforehand, to suggest them too. */
const GLOBAL_NAMES = ['json', 'non-interactive', 'url', 'no-color', 'help'];

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function optionValue(token: OptionToken, spec: OptionSpec | undefined, rules: ArgumentRules): string | boolean {
  const help = `${rules.path} --help`;
  if (spec === undefined || !Object.hasOwn(rules.options, token.name)) {
    const close = closest(token.name, [...Object.keys(rules.options), ...GLOBAL_NAMES]);
    throw usageError(
      `${rules.path} has no option ${token.rawName}.${close === null ? '' : ` Did you mean --${close}?`}`,
      help,
    );
  }
  if (spec.type === 'boolean') {
    if (token.value !== undefined) throw usageError(`${token.rawName} takes no value.`, help);
    return true;
  }
  const { value } = token;
  if (value === undefined || (token.inlineValue === false && value.startsWith('-') && value !== '-'))
    throw usageError(`${token.rawName} needs a value: ${spec.value}.`, help);
  if (spec.choices !== undefined && !spec.choices.includes(value))
    throw usageError(`${token.rawName} is one of ${spec.choices.join(', ')}; not "${value}".`, help);
  return value;
}

/** The word of a list that is most like another one, or null when none is near. */
export function closest(word: string, words: readonly string[]): string | null {
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: { word: string; distance: number } | null = null;
  for (const candidate of words) {
    const distance = candidate.startsWith(word) && word.length > 1 ? 1 : editDistance(word, candidate, limit);
    if (distance <= limit && (best === null || distance < best.distance)) best = { word: candidate, distance };
  }
  return best?.word ?? null;
}

/** Edits between two words, neighbours that changed places counting as one; beyond `limit` only that it is more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (before[j - 2] ?? 0) + 1 : limit + 1;
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? limit + 1;
}
