/**
 * Owns the operator command's process: the words it was called with, the environment, the exit code. Commands are in admin-commands.ts,
 * admin-backup.ts and admin-root.ts.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { RootUnfit } from '../distribution/metadata/root.ts';
import { KeyFileUnfit } from '../platform/key-file.ts';
import { backup, restore } from './admin-backup.ts';
import { type AdminCommand, COMMANDS } from './admin-commands.ts';
import { createPrinter, type Printer } from './admin-print.ts';
import { ROOT_COMMANDS, root } from './admin-root.ts';
import { PASSPHRASE_VARIABLE } from './admin-root-files.ts';
import { openSource } from './admin-source.ts';
import { AdminError, NoServer } from './operator-client.ts';
import { HalfRestored } from './restore-mark.ts';

const OPTIONS = {
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  wait: { type: 'boolean' },
  dead: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  copy: { type: 'boolean' },
  replace: { type: 'boolean' },
  reason: { type: 'string' },
  key: { type: 'string', multiple: true },
  threshold: { type: 'string' },
  out: { type: 'string' },
  before: { type: 'string' },
} as const;
type Flags = ReturnType<typeof parse>['flags'];

/** Of folders: these need no server's answer to begin with. */
const FOLDER_COMMANDS = {
  backup: {
    usage: 'backup FOLDER [--copy]',
    summary: 'Copy databases, packages and keys, also while a server runs',
    flags: ['copy'],
  },
  restore: {
    usage: 'restore FOLDER [--replace]',
    summary: 'Put a backup back, while no server runs',
    flags: ['replace'],
  },
} as const;

const EXIT = { done: 0, failed: 1, usage: 2, notFound: 3, conflict: 6, noServer: 7 } as const;
const EXIT_OF: Partial<Record<AdminError['code'], number>> = {
  USAGE: EXIT.usage,
  VALIDATION: EXIT.usage,
  BAD_REQUEST: EXIT.usage,
  NOT_FOUND: EXIT.notFound,
  STATE_CONFLICT: EXIT.conflict,
  CONFLICT: EXIT.conflict,
  ROOT_NOT_NEXT: EXIT.conflict,
  FOLDER_IN_USE: EXIT.noServer,
  NO_ANSWER: EXIT.noServer,
};

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
      strict: true,
    });
    return { flags: values, words: positionals };
  } catch (error) {
    throw new AdminError('USAGE', error instanceof Error ? error.message : String(error), 'mosis-admin --help');
  }
}

function help(): string {
  const rows = [...Object.values(COMMANDS), ...Object.values(FOLDER_COMMANDS), ...Object.values(ROOT_COMMANDS)];
  const width = Math.max(...rows.map(({ usage }) => usage.length));
  return [
    'mosis-admin: what the operator of a Mosis server does. It asks the running server of DATA_DIR (default ./data);',
    'where none runs it uses the folder itself.',
    '',
    ...rows.map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}`),
    '',
    '  --json  print one JSON document and nothing else on standard output',
    '',
    'Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 6 conflict, 7 the holder of the folder does not answer.',
  ].join('\n');
}

/** The command that the words begin with, and the words that are its arguments. */
function chosen(words: readonly string[]): { command: AdminCommand; args: readonly string[] } {
  const two = COMMANDS[words.slice(0, 2).join(' ')];
  const command = two ?? COMMANDS[words[0] ?? ''];
  if (command === undefined) {
    const what = words.length === 0 ? 'Which command?' : `There is no command ${words.join(' ')}.`;
    throw new AdminError('USAGE', what, 'mosis-admin --help');
  }
  const args = words.slice(two === undefined ? 1 : 2);
  if (args.length !== command.takes.length) {
    const needed = command.takes.length === 0 ? 'takes no argument' : `needs ${command.takes.join(' and ')}`;
    throw new AdminError('USAGE', `This ${needed}.`, `mosis-admin ${command.usage}`);
  }
  return { command, args };
}

function requireFlags(flags: Flags, allowed: readonly string[] = []): void {
  const foreign = Object.keys(flags).find((flag) => flag !== 'json' && !allowed.includes(flag));
  if (foreign !== undefined) throw new AdminError('USAGE', `--${foreign} means nothing here.`, 'mosis-admin --help');
}

async function run(words: readonly string[], flags: Flags, config: () => Config, print: Printer): Promise<void> {
  const [first = '', folder, ...more] = words;
  // Where the operator stood when npm took them to the project's folder.
  const pathOf = (name: string) => resolve(process.env.INIT_CWD ?? process.cwd(), name);
  if (first === 'root') {
    const command = ROOT_COMMANDS[folder ?? 'status'];
    if (command !== undefined) requireFlags(flags, command.flags);
    const passphrase = process.env[PASSPHRASE_VARIABLE] || undefined;
    return root([folder ?? 'status', ...more], { flags, print, passphrase, pathOf, open: () => openSource(config()) });
  }
  const named = first === 'backup' || first === 'restore' ? FOLDER_COMMANDS[first] : null;
  if (named === null) {
    const { command, args } = chosen(words);
    requireFlags(flags, command.flags);
    const source = await openSource(config());
    return command.run({ source, print, flags }, args).finally(() => source.close());
  }
  requireFlags(flags, named.flags);
  if (folder === undefined || more.length > 0)
    throw new AdminError('USAGE', 'This needs FOLDER.', `mosis-admin ${named.usage}`);
  const path = pathOf(folder);
  if (first === 'restore') return restore({ config: config(), print, folder: path, replaces: flags.replace === true });
  const source = await openSource(config());
  return backup({ source, print, folder: path, copies: flags.copy === true }).finally(() => source.close());
}

async function main(): Promise<number> {
  // What is written is as private as what a server writes.
  process.umask(process.umask() | 0o027);
  const args = process.argv.slice(2);
  const print = createPrinter({ out: process.stdout, err: process.stderr, json: args.includes('--json') });
  try {
    const { flags, words } = parse(args);
    if (flags.help === true || words.length === 0) {
      process.stdout.write(`${help()}\n`);
      return flags.help === true ? EXIT.done : EXIT.usage;
    }
    await run(words, flags, () => readConfig(process.env), print);
    return EXIT.done;
  } catch (error) {
    const told = expected(error);
    if (told === null) throw error;
    print.failure(told);
    return EXIT_OF[told.code] ?? EXIT.failed;
  }
}

function expected(error: unknown): AdminError | null {
  if (error instanceof AdminError) return error;
  if (error instanceof ConfigError) return new AdminError('USAGE', error.message);
  if (error instanceof NoServer) {
    const message =
      'The server has ended meanwhile. What it acknowledged is kept: a rescan goes on when it runs again.';
    return new AdminError('NO_ANSWER', message, 'start the server, then mosis-admin rescans');
  }
  if (error instanceof HalfRestored) return new AdminError('CONFLICT', error.message);
  if (error instanceof KeyFileUnfit || error instanceof RootUnfit) return new AdminError('FAILED', error.message);
  return null;
}

process.exitCode = await main();
