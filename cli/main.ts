/** Owns one run of the program: which command, its outcome on the streams, its exit code. */
import { readFileSync } from 'node:fs';
import { type Command, closest, type Group } from './command.ts';
import { type Context, createContext, DEFAULT_URL, type GlobalOptions, type World } from './context.ts';
import { CliError, EXIT, systemCode, usageError } from './errors.ts';
import { commandHelp, groupHelp, mainHelp } from './help.ts';
import { createOutput } from './output.ts';
import { ENTRIES, findEntry } from './registry.ts';
import type { Styled } from './text.ts';
import { t } from './text.ts';

interface Split extends GlobalOptions {
  readonly help: boolean;
  readonly version: boolean;
  readonly rest: readonly string[];
}

/** Runs one command line and gives its exit code. Never throws: what is unexpected is reported as a fault. */
export async function main(argv: readonly string[], world: World): Promise<number> {
  const json = argv.slice(0, endOfOptions(argv)).includes('--json');
  const output = createOutput({ stdout: world.stdout, stderr: world.stderr, json, env: world.env });
  try {
    return await dispatch(splitGlobal(argv), world, output);
  } catch (error) {
    const failure = asCliError(error);
    output.failure(failure);
    if (world.env.MOSIS_DEBUG === '1' && error instanceof Error) world.stderr.write(`${error.stack}\n`);
    return failure.exit;
  }
}

async function dispatch(split: Split, world: World, output: ReturnType<typeof createOutput>): Promise<number> {
  const [name, ...after] = split.rest;
  if (name === undefined || name === 'help') {
    if (split.version) return showVersion(output);
    const asked = after[0];
    if (name === 'help' && asked !== undefined)
      return await dispatch({ ...split, help: true, rest: after }, world, output);
    return showHelp(output, mainHelp());
  }
  const { command, path, argv } = await resolve(name, after, split.help);
  if (command.kind === 'group') return showHelp(output, groupHelp(command, path));
  if (split.help) return showHelp(output, commandHelp(command, path));
  const context: Context = createContext(world, split);
  const outcome = await command.run(context, argv, path);
  if (split.json) output.document(outcome.json);
  else {
    for (const line of outcome.lines ?? []) context.output.line(line);
    for (const note of outcome.notes ?? []) context.output.note(note);
  }
  return outcome.exit ?? EXIT.done;
}

async function resolve(name: string, after: readonly string[], help: boolean) {
  const entry = findEntry(name);
  if (entry === null) {
    if (name.startsWith('-')) throw usageError(`mosis has no option ${name}.`, 'mosis --help');
    const close = closest(
      name,
      ENTRIES.map((known) => known.name),
    );
    throw usageError(
      `There is no command "${name}".${close === null ? '' : ` Did you mean "${close}"?`}`,
      'mosis --help',
    );
  }
  const command: Command | Group = await entry.load();
  const path = `mosis ${name}`;
  if (command.kind === 'command') return { command, path, argv: after };
  const [word, ...argv] = after;
  if (word === undefined) {
    if (help) return { command, path, argv };
    throw usageError(`${path} needs one of: ${Object.keys(command.commands).join(', ')}.`, `${path} --help`);
  }
  const inner = Object.hasOwn(command.commands, word) ? command.commands[word] : undefined;
  if (inner !== undefined) return { command: inner, path: `${path} ${word}`, argv };
  const close = closest(word, Object.keys(command.commands));
  throw usageError(
    `${path} has no command "${word}".${close === null ? '' : ` Did you mean "${close}"?`}`,
    `${path} --help`,
  );
}

/** Where `--` ends the options. */
function endOfOptions(argv: readonly string[]): number {
  const end = argv.indexOf('--');
  return end === -1 ? argv.length : end;
}

/** Takes the options of every command out of the words, wherever they stand before `--`. */
function splitGlobal(argv: readonly string[]): Split {
  const end = endOfOptions(argv);
  const rest: string[] = [];
  const found = { json: false, nonInteractive: false, noColour: false, help: false, version: false };
  let url: string | undefined;
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i] ?? '';
    if (i >= end) rest.push(word);
    else if (word === '--json') found.json = true;
    else if (word === '--non-interactive') found.nonInteractive = true;
    else if (word === '--no-color' || word === '--no-colour') found.noColour = true;
    else if (word === '--help' || word === '-h') found.help = true;
    else if (word === '--version' && rest.length === 0) found.version = true;
    else if (word === '--url') {
      i += 1;
      url = argv[i];
      if (url === undefined || i >= end) throw usageError('--url needs a value: URL.', `mosis --url ${DEFAULT_URL} …`);
    } else if (word.startsWith('--url=')) url = word.slice('--url='.length);
    else rest.push(word);
  }
  return { ...found, url, rest };
}

function showHelp(output: ReturnType<typeof createOutput>, lines: readonly Styled[]): number {
  if (output.json) output.document({ help: lines.map((line) => line.plain).join('\n') });
  else for (const line of lines) output.line(line);
  return EXIT.done;
}

function showVersion(output: ReturnType<typeof createOutput>): number {
  if (output.json) output.document({ version: programVersion(), node: process.versions.node });
  else output.line(t`mosis ${programVersion()}`);
  return EXIT.done;
}

/** The version of this program, from the package.json one folder up of the bundle or beside the sources. */
export function programVersion(): string {
  for (const place of ['./package.json', '../package.json']) {
    try {
      const file: unknown = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'));
      if (typeof file === 'object' && file !== null && 'version' in file && 'bin' in file) return String(file.version);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }
  return '0.0.0';
}

const SYSTEM_MESSAGES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  ENOENT: 'no such file or folder',
  EEXIST: 'it exists already',
};

function asCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  const code = systemCode(error);
  const why = code === null ? undefined : SYSTEM_MESSAGES[code];
  if (why !== undefined && error instanceof Error) {
    const path = 'path' in error && typeof error.path === 'string' ? error.path : 'A file';
    return new CliError('FILE', `${path}: ${why}.`, { cause: error, next: 'check the path and its permissions' });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new CliError('FAULT', `Unexpected fault: ${message}`, {
    cause: error,
    next: 'run again with MOSIS_DEBUG=1 and report it',
  });
}

/** Runs the command line of this process and leaves its exit code; a reader that closes the pipe early is no failure. */
export async function runProcess(): Promise<void> {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error) => {
      if (systemCode(error) !== 'EPIPE') throw error;
      process.exit(process.exitCode ?? EXIT.done);
    });
  process.exitCode = await main(process.argv.slice(2), {
    cwd: process.cwd(),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    fetch: globalThis.fetch,
    clock: () => new Date(),
  });
}
