/** Owns `mosis validate`: the verdict of the format on a folder or package, and which rules only a server can check. */
import { basename } from 'node:path';
import { validateFiles, validatePackage } from '../../format/validate.ts';
import { kindOfPath, readFolder } from '../app-files.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../errors.ts';
import { findingLines, tally } from '../findings.ts';
import { bold, byteCount, dim, green, joined, red, t, table } from '../text.ts';

/** The context rules of docs/PACKAGE_FORMAT.md: they need the app's state at a server. */
const NOT_CHECKED: readonly (readonly [string, string])[] = [
  ['package id', 'belongs to your app'],
  ['version code', 'is greater than every submitted one'],
  ['signing key', 'is pinned for the app and still active'],
  ['server limits', 'may be lower than those of the format'],
];

export const validate = defineCommand({
  summary: 'Check a folder or package against the format',
  description:
    'Runs the checks that the platform runs. Errors refuse the package, warnings send it to a reviewer. What depends on the app at a server is listed as not checked.',
  arguments: [{ name: 'PATH', help: 'App folder or .mosis file (default: this folder)' }],
  exits: ['0  accepted', '5  refused'],
  examples: ['mosis validate', 'mosis validate dist/com.example.notes-1.0.0.mosis --json'],
  async run(context, { args }) {
    const { kind, path } = await kindOfPath(context.cwd, args[0] ?? '.');
    const result = kind === 'folder' ? await validateFiles(await readFolder(path)) : await validatePackage(path);
    const { accepted, findings, manifest, size, sha256, keyId, files, ruleSet } = result;
    const verdict = accepted ? green('accepted') : red('refused');
    const title = manifest === null ? '' : `${manifest.name} ${manifest.version} (${manifest.version_code})`;
    const unpacked = files.reduce((sum, file) => sum + file.size, 0);
    const facts = [
      ['package', manifest?.id ?? basename(path)],
      [
        'files',
        `${files.length}, ${byteCount(unpacked)} unpacked${size === null ? '' : `, ${byteCount(size)} packed`}`,
      ],
      ...(sha256 === null ? [] : [['sha-256', sha256]]),
      ['signed by', keyId ?? (kind === 'folder' ? 'nobody (a folder has no signature)' : 'nobody')],
    ];
    return {
      json: {
        accepted,
        findings,
        package:
          manifest === null
            ? null
            : { id: manifest.id, version: manifest.version, versionCode: manifest.version_code, size, sha256, keyId },
        ruleSet,
        notChecked: NOT_CHECKED.map(([rule, meaning]) => ({ rule, meaning })),
      },
      lines: [
        ...findingLines(findings, context.output.columns),
        joined([verdict, ...(title === '' ? [] : [bold(title)]), tally(findings)], '  '),
        ...(manifest === null
          ? []
          : table(
              facts.map(([label = '', value = '']) => [dim(label), value]),
              '  ',
            )),
        t``,
        dim('Not checked here, only by a server:'),
        ...table(NOT_CHECKED, '  ').map((line) => dim(line)),
      ],
      exit: accepted ? EXIT.done : EXIT.rejected,
    };
  },
});
