/** Owns how help looks: the list of commands, a group's and a command's page. */
import type { Command, Group, Options } from './command.ts';
import { SECTIONS } from './registry.ts';
import { bold, cyan, dim, type Printable, type Styled, t, table, wrapped } from './text.ts';

/** Options that every command takes. */
export const GLOBAL_OPTIONS = {
  json: { type: 'boolean', help: 'Print one JSON document and nothing else on stdout' },
  'non-interactive': { type: 'boolean', help: 'Never ask; fail naming the missing option' },
  url: { type: 'string', value: 'URL', help: 'The server (default $MOSIS_URL, else http://localhost:4000)' },
  'no-color': { type: 'boolean', help: 'Print without colours, as NO_COLOR does' },
  help: { type: 'boolean', short: 'h', help: 'Show this help' },
} as const satisfies Options;

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'done'],
  ['1', 'failed'],
  ['2', 'wrong use of the command'],
  ['3', 'not found'],
  ['4', 'sign-in needed'],
  ['5', 'rejected by checks or review'],
  ['6', 'conflict with the state at the server'],
  ['7', 'network; worth trying again'],
];

/** `mosis --help`. */
export function mainHelp(): Styled[] {
  const width = Math.max(...SECTIONS.flatMap((section) => section.entries.map((entry) => entry.name.length)));
  const sections = SECTIONS.flatMap((section) => [
    t``,
    bold(section.title),
    ...section.entries.map((entry) => t`  ${cyan(entry.name.padEnd(width))}  ${entry.summary}`),
  ]);
  return [
    t`${bold('mosis')}: build, sign, publish and watch Mosis apps`,
    t``,
    t`Usage: mosis ${dim('COMMAND')} ${dim('[options]')}`,
    ...sections,
    t``,
    bold('Options of every command'),
    ...optionTable(GLOBAL_OPTIONS),
    t``,
    bold('Exit codes'),
    ...table(EXIT_CODES, '  '),
    t``,
    t`With --json a failure is a document too: {"error": {"code", "message", "next"}}.`,
    t`MOSIS_TOKEN holds a token for CI. More about a command: mosis ${dim('COMMAND')} --help`,
  ];
}

/** `mosis keys --help`. */
export function groupHelp(group: Group, path: string): Styled[] {
  const rows = Object.entries(group.commands).map(([name, command]) => [cyan(name), command.summary]);
  return [
    t`${bold(path)}: ${group.summary}`,
    ...paragraphs(group.description),
    t``,
    t`Usage: ${path} ${dim('COMMAND')} ${dim('[options]')}`,
    t``,
    ...table(rows, '  '),
    ...examples(group.examples),
    t``,
    t`More: ${path} ${dim('COMMAND')} --help`,
  ];
}

/** `mosis keys list --help`. */
export function commandHelp(command: Command, path: string): Styled[] {
  const words = command.arguments.map((argument) => {
    const name = argument.many === true ? `${argument.name}…` : argument.name;
    return argument.required === true ? name : `[${name}]`;
  });
  const positional = command.arguments.map((argument) => [cyan(argument.name), argument.help]);
  return [
    t`${bold(path)}: ${command.summary}`,
    ...paragraphs(command.description),
    t``,
    t`Usage: ${[path, ...words, '[options]'].join(' ')}`,
    ...(positional.length > 0 ? [t``, bold('Arguments'), ...table(positional, '  ')] : []),
    ...(Object.keys(command.options).length > 0 ? [t``, bold('Options'), ...optionTable(command.options)] : []),
    t``,
    bold('Options of every command'),
    ...optionTable(GLOBAL_OPTIONS),
    ...(command.exits === undefined ? [] : [t``, bold('Exit codes'), ...command.exits.map((line) => t`  ${line}`)]),
    ...examples(command.examples),
  ];
}

function paragraphs(text: string | undefined): Styled[] {
  return text === undefined ? [] : [t``, ...wrapped(text, 88)];
}

function examples(list: readonly string[] | undefined): Styled[] {
  return list === undefined ? [] : [t``, bold('Examples'), ...list.map((line) => t`  ${line}`)];
}

function optionTable(options: Options): Styled[] {
  const rows = Object.entries(options).map(([name, spec]): Printable[] => {
    const value = spec.type === 'string' ? ` ${spec.value}` : '';
    const short = spec.short === undefined ? '' : `-${spec.short}, `;
    const choices = spec.type === 'string' && spec.choices !== undefined ? ` (${spec.choices.join(', ')})` : '';
    return [cyan(`${short}--${name}${value}`), `${spec.help}${choices}`];
  });
  return table(rows, '  ');
}
