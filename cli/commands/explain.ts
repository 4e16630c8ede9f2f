/** Owns `mosis explain`: a catalogue entry for people. */
import { CATALOGUE, cataloguePart } from '../../format/catalogue.ts';
import { closest, defineCommand } from '../command.ts';
import { CliError, EXIT } from '../errors.ts';
import { bold, cyan, dim, green, red, type Styled, t, table, wrapped, yellow } from '../text.ts';

const CONSEQUENCES = {
  error: 'An error refuses the version.',
  warning: 'A warning sends the version to a reviewer.',
  notice: 'A notice only informs.',
} as const;

const RUN_BY = {
  format: 'Found alike by the server, this program and the device:',
  policy: 'Found by the server and this program:',
  context: 'Found by the server, which knows your app:',
  server: 'Found by the server:',
} as const;

const PAINT = { error: red, warning: yellow, notice: dim } as const;

export const explain = defineCommand({
  summary: 'Say what a finding means and how to fix it',
  arguments: [{ name: 'CODE', help: 'Code of a finding, such as LUA_DYNAMIC_CODE (default: list all)' }],
  examples: ['mosis explain ARCHIVE_PATH_TRAVERSAL'],
  async run({ output }, { args }) {
    const asked = args[0];
    if (asked === undefined) {
      const entries = [...CATALOGUE.values()];
      const rows = entries.map(({ code, severity, title }) => [cyan(code), PAINT[severity](severity), title]);
      return { json: { findings: entries }, lines: table(rows) };
    }
    const code = asked.toUpperCase().replaceAll('-', '_');
    const entry = CATALOGUE.get(code);
    if (entry === undefined) {
      const close = closest(code, [...CATALOGUE.keys()]);
      throw new CliError('NOT_FOUND', `No finding has the code ${asked}.`, {
        exit: EXIT.notFound,
        next: close === null ? 'mosis explain (lists all codes)' : `mosis explain ${close}`,
      });
    }
    return {
      json: entry,
      lines: [
        t`${bold(entry.code)}  ${PAINT[entry.severity](entry.severity)}`,
        bold(entry.title),
        t``,
        bold('Why'),
        ...wrapped(entry.why, output.columns, '  '),
        t``,
        bold('Fix'),
        ...wrapped(entry.fix, output.columns, '  '),
        t``,
        bold('Example'),
        ...example(red('bad '), entry.bad),
        ...example(green('good'), entry.good),
        t``,
        ...wrapped(CONSEQUENCES[entry.severity], output.columns).map((line) => dim(line)),
        dim(t`${RUN_BY[cataloguePart(entry.code)?.kind ?? 'server']} docs/PACKAGE_FORMAT.md §${entry.section}`),
      ],
    };
  },
});

function example(label: Styled, text: string): Styled[] {
  return text.split('\n').map((line, i) => t`  ${i === 0 ? label : '    '}  ${line}`);
}
