/** Owns `mosis validate`: the verdict of the format on a folder or package, and what a server would say, where one knows us. */
import { basename } from 'node:path';
import { submissionFindings } from '../../format/context.ts';
import type { Manifest } from '../../format/manifest.ts';
import { validateFiles, validatePackage } from '../../format/validate.ts';
import { kindOfPath, readFolder } from '../app-files.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { findingLines, type ShownFinding, tally } from '../findings.ts';
import { AppPinsDocument } from '../generated/operations.ts';
import { bold, byteCount, dim, green, joined, red, type Styled, t, table, yellow } from '../text.ts';

/** The context rules of docs/PACKAGE_FORMAT.md: they need the app's state at a server. */
const CONTEXT_RULES: readonly (readonly [string, string])[] = [
  ['package id', 'belongs to your app'],
  ['version code', 'is greater than every submitted one'],
  ['signing key', 'is pinned for the app and still active'],
  ['server limits', 'may be lower than those of the format'],
];

/** What the server's state of the app says about submitting this package; it changes with every submission, the format does not. */
type ServerWord =
  | { readonly kind: 'asked'; readonly app: 'yours' | 'new' | 'not-yours'; readonly findings: readonly ShownFinding[] }
  | { readonly kind: 'not-asked'; readonly why: string };

const APP_WORDS = {
  yours: 'the app is yours',
  new: 'the app does not exist there yet',
  'not-yours': 'you may not upload to this app',
} as const;

export const validate = defineCommand({
  summary: 'Check a folder or package against the format',
  description:
    'Runs the checks that the platform runs. Errors refuse the package, warnings send it to a reviewer. Where you are signed in, it also says what would keep the package from being submitted now; the exit code speaks of the format alone.',
  arguments: [{ name: 'PATH', help: 'App folder or .mosis file (default: this folder)' }],
  options: { offline: { type: 'boolean', help: 'Do not ask the server' } },
  exits: ['0  accepted', '5  refused'],
  examples: ['mosis validate', 'mosis validate dist/com.example.notes-1.0.0.mosis --json'],
  async run(context, { args, options }) {
    const { kind, path } = await kindOfPath(context.cwd, args[0] ?? '.');
    const result = kind === 'folder' ? await validateFiles(await readFolder(path)) : await validatePackage(path);
    const { accepted, findings, manifest, size, sha256, keyId, files, ruleSet } = result;
    const server = await askServer(context, { manifest, keyId, isFolder: kind === 'folder', offline: options.offline });
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
        notChecked: server.kind === 'asked' ? [] : CONTEXT_RULES.map(([rule, meaning]) => ({ rule, meaning })),
        server: server.kind === 'asked' ? { url: context.serverUrl, app: server.app, findings: server.findings } : null,
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
        ...serverLines(context, server),
      ],
      exit: accepted ? EXIT.done : EXIT.rejected,
    };
  },
});

interface Asked {
  readonly manifest: Manifest | null;
  readonly keyId: string | null;
  readonly isFolder: boolean;
  readonly offline: boolean;
}

/** Asks only a server that knows us; one that cannot be asked is no failure of a check that runs here. */
async function askServer(context: Context, { manifest, keyId, isFolder, offline }: Asked): Promise<ServerWord> {
  if (offline) return { kind: 'not-asked', why: '--offline was given' };
  if (manifest === null) return { kind: 'not-asked', why: 'the manifest cannot be used' };
  const client = await context.client();
  if (client.credential === null) return { kind: 'not-asked', why: 'you are not signed in' };
  try {
    const { app } = await client.request(AppPinsDocument, { packageId: manifest.id });
    const pinned = app?.pinnedKeyIds ?? [];
    const all = submissionFindings(manifest, keyId, {
      packageId: manifest.id,
      highestVersionCode: app?.highestVersionCode ?? 0,
      pinnedKeyIds: pinned.length === 0 ? null : pinned,
    });
    // A folder is signed when it is published.
    const findings = isFolder ? all.filter(({ code }) => !code.startsWith('SIGNATURE_')) : all;
    return { kind: 'asked', app: app === null ? 'new' : app.viewerCanUpload ? 'yours' : 'not-yours', findings };
  } catch (error) {
    if (error instanceof CliError) return { kind: 'not-asked', why: error.message };
    throw error;
  }
}

function serverLines(context: Context, server: ServerWord): Styled[] {
  if (server.kind === 'not-asked')
    return [
      dim(t`Not checked, for only a server can (${server.why.replace(/\.$/, '')}):`),
      ...table(CONTEXT_RULES, '  ').map((line) => dim(line)),
    ];
  const app = APP_WORDS[server.app];
  if (server.findings.length === 0 && server.app !== 'not-yours')
    return [t`${green('may be submitted')} at ${context.serverUrl}: ${app}`];
  return [
    t`${yellow('cannot be submitted now')} at ${context.serverUrl}: ${app}`,
    ...table(
      server.findings.map(({ code, message }) => [code, message]),
      '  ',
    ),
  ];
}
