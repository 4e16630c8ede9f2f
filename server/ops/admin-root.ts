/**
 * Owns the commands `mosis-admin root …`: making root keys and signing with them on a machine without a server, and having
 * the server prepare roots and put them in force. Private root keys never pass to a server.
 */
import { randomBytes } from 'node:crypto';
import { encodePrivateKeyPem, encodePublicKeyPem, keyPairFrom } from '../../format/keys.ts';
import { SECRET_KEY_BYTES } from '../../format/signing.ts';
import { ONLINE_ROLES, type OnlineRole, publicRoleKey, roleKey } from '../distribution/metadata/role-keys.ts';
import {
  draftText,
  missingSignatures,
  type RootDraft,
  readDraft,
  signDraft,
} from '../distribution/metadata/root-draft.ts';
import { DomainError } from '../errors.ts';
import { readKeyFile } from '../platform/key-file.ts';
import type { Printer } from './admin-print.ts';
import { heldAgainst } from './admin-root-before.ts';
import { keyPairOf, publicKeyOf, readText, replace, requireFree, writeNew } from './admin-root-files.ts';
import { printDraft, printRootStatus, rootLine } from './admin-root-print.ts';
import type { AdminSource } from './admin-source.ts';
import { AdminError } from './operator-client.ts';
import type { RequestOf } from './operator-protocol.ts';

export interface RootContext {
  readonly flags: Readonly<Record<string, string | boolean | string[] | undefined>>;
  readonly print: Printer;
  /** Opens root key files, and encrypts new ones; undefined where none is set. */
  readonly passphrase: string | undefined;
  /** The absolute path of what the operator typed. */
  readonly pathOf: (name: string) => string;
  /** Only for commands that need the server, or the folder where none runs. */
  readonly open: () => Promise<AdminSource>;
}

interface RootCommand {
  readonly usage: string;
  readonly summary: string;
  readonly flags: readonly string[];
  readonly run: (context: RootContext, names: readonly string[]) => Promise<void>;
}

/** By the word after `root`. */
export const ROOT_COMMANDS: Readonly<Record<string, RootCommand>> = {
  status: {
    usage: 'root status',
    summary: 'The root of the signed metadata, its keys and warnings',
    flags: [],
    run: status,
  },
  keygen: {
    usage: 'root keygen --out FILE',
    summary: 'Make a root key in FILE and FILE.pub; needs no server, do it on another machine',
    flags: ['out'],
    run: keygen,
  },
  init: {
    usage: 'root init --key PUB … --threshold M --out FILE',
    summary: 'Prepare the root that takes the place of the development root',
    flags: ['key', 'threshold', 'out'],
    run: (context, names) => prepare(context, names, 'INIT'),
  },
  renew: {
    usage: 'root renew [--key PUB … --threshold M] [--out FILE]',
    summary: 'Prepare the next root: another year, or other root keys',
    flags: ['key', 'threshold', 'out'],
    run: (context, names) => prepare(context, names, 'RENEW'),
  },
  rotate: {
    usage: 'root rotate timestamp|snapshot|targets|bins|all … [--out FILE]',
    summary: 'Make new online keys, and prepare the root that names them',
    flags: ['out'],
    run: (context, names) => prepare(context, names, 'ROTATE'),
  },
  show: {
    usage: 'root show FILE [--before N.root.json]',
    summary: 'What a root says and whose signatures it lacks; needs no server',
    flags: ['before'],
    run: show,
  },
  sign: {
    usage: 'root sign FILE --key KEYFILE [--before N.root.json]',
    summary: 'Sign a prepared root, held against the one that you trust; needs no server, do it where the key is',
    flags: ['key', 'before'],
    run: sign,
  },
  publish: { usage: 'root publish FILE', summary: 'Put a signed root in force', flags: [], run: publish },
  import: {
    usage: 'root import FILE …',
    summary: 'Take back roots that devices know already, after a restore, while no server runs',
    flags: [],
    run: importRoots,
  },
};

/** Runs one of them. Throws AdminError. */
export async function root([name = '', ...names]: readonly string[], context: RootContext): Promise<void> {
  const command = Object.hasOwn(ROOT_COMMANDS, name) ? ROOT_COMMANDS[name] : undefined;
  if (command === undefined) throw usage(`There is no command root ${name}.`, '--help');
  try {
    await command.run(context, names);
  } catch (error) {
    throw error instanceof DomainError ? new AdminError(error.code, error.message) : error;
  }
}

async function status({ print, open: openSource }: RootContext, names: readonly string[]): Promise<void> {
  requireNames(names, 0, 'status');
  const source = await openSource();
  try {
    printRootStatus(print, await source.ask({ command: 'rootStatus' }));
  } finally {
    await source.close();
  }
}

async function keygen({ flags, print, pathOf, passphrase }: RootContext, names: readonly string[]): Promise<void> {
  requireNames(names, 0, 'keygen');
  const path = pathOf(outOf(flags, 'keygen') ?? '');
  for (const each of [path, `${path}.pub`]) requireFree(each);
  const { secretKey, publicKey } = keyPairFrom(Uint8Array.from(randomBytes(SECRET_KEY_BYTES)));
  await writeNew(path, encodePrivateKeyPem(secretKey, passphrase), 0o600);
  await writeNew(`${path}.pub`, encodePublicKeyPem(publicKey), 0o644);
  const { keyID } = publicRoleKey(publicKey);
  print.document({ key: path, publicKey: `${path}.pub`, keyId: keyID, encrypted: passphrase !== undefined });
  print.line(keyID);
  print.note(
    `The private key is in ${path}${passphrase === undefined ? '' : ', encrypted'}: keep it and a copy of it off every server.`,
  );
  print.note(`Only ${path}.pub goes to the server: mosis-admin root init --key …`);
}

async function prepare(
  context: RootContext,
  names: readonly string[],
  change: 'INIT' | 'RENEW' | 'ROTATE',
): Promise<void> {
  const { flags, print, pathOf } = context;
  const word = change.toLowerCase();
  if (change !== 'ROTATE') requireNames(names, 0, word);
  const request: RequestOf<'prepareRoot'> = {
    command: 'prepareRoot',
    change,
    roles: change === 'ROTATE' ? rolesOf(names) : [],
    keys: await publicKeysOf(context),
    threshold: thresholdOf(flags.threshold, word),
  };
  const given = outOf(flags, null);
  const path = given === null ? null : pathOf(given);
  if (path !== null) requireFree(path);
  const source = await context.open();
  try {
    const { root: now } = await source.ask({ command: 'rootStatus' });
    const needsFile = change === 'INIT' || (!now.development && request.roles.join() !== 'bins');
    if (needsFile && path === null)
      throw usage(
        'Name the file to sign: it is carried to where the root keys are.',
        `${word} … --out root-${now.version + 1}.json`,
      );
    const { draft, ...answer } = await source.ask(request);
    if (request.roles.includes('bins')) print.note('The key of the bins is a new one from now on; no root names it.');
    if (draft === null || path === null) {
      print.document({ ...answer, file: null });
      print.line(`root ${rootLine(answer)}`);
      return print.note('It is in force, and everything is signed for it.');
    }
    await writeNew(path, draft, 0o644);
    if (flags.json === true) print.document({ ...answer, file: path });
    else printDraft(print, readDraft(draft), null);
    print.note(
      `Written to ${path}. Nothing has changed yet. Where the root keys are: mosis-admin root sign FILE --key KEYFILE`,
    );
    print.note('Then, here: mosis-admin root publish FILE');
  } finally {
    await source.close();
  }
}

async function show(context: RootContext, names: readonly string[]): Promise<void> {
  const [name = ''] = requireNames(names, 1, 'show');
  const { draft, trusted } = await draftAt(context, name);
  printDraft(context.print, draft, trusted);
}

/** The draft of a file, held against the root that `--before` names; `trusted` is that file, or null where none is named. */
async function draftAt(
  { flags, pathOf }: RootContext,
  name: string,
): Promise<{ draft: RootDraft; trusted: string | null }> {
  const draft = readDraft(await readText(pathOf(name)));
  if (flags.before === undefined) return { draft, trusted: null };
  const trusted = pathOf(String(flags.before));
  return { draft: heldAgainst(draft, { name: trusted, text: await readText(trusted) }), trusted };
}

async function sign(context: RootContext, names: readonly string[]): Promise<void> {
  const { flags, print, pathOf, passphrase } = context;
  const [name = ''] = requireNames(names, 1, 'sign');
  const [keyName = '', ...more] = listOf(flags.key);
  if (keyName === '' || more.length > 0) throw usage('Name one private key: --key KEYFILE.', 'sign FILE --key KEYFILE');
  const path = pathOf(name);
  const { draft, trusted } = await draftAt(context, name);
  const pem = await readKeyFile(pathOf(keyName));
  if (pem === null)
    throw new AdminError('NOT_FOUND', `There is no key ${pathOf(keyName)}.`, 'mosis-admin root keygen --out FILE');
  signDraft(draft, roleKey(keyPairOf(pem, passphrase)));
  await replace(path, draftText(draft));
  printDraft(print, draft, trusted);
  if (missingSignatures(draft.next, draft.before).length === 0)
    print.note('Carry it to the server: mosis-admin root publish FILE');
}

async function publish({ print, pathOf, open: openSource }: RootContext, names: readonly string[]): Promise<void> {
  const [name = ''] = requireNames(names, 1, 'publish');
  const file = await readText(pathOf(name));
  const source = await openSource();
  try {
    const answer = await source.ask({ command: 'publishRoot', file });
    print.document(answer);
    print.line(`root ${rootLine(answer)}`);
    print.note(
      `It is in force. Keep a copy of ${answer.root.version}.root.json apart from the backups: /v1/metadata/${answer.root.version}.root.json`,
    );
    for (const { message } of answer.warnings) print.note(`warning: ${message}`);
  } finally {
    await source.close();
  }
}

async function importRoots({ print, pathOf, open: openSource }: RootContext, names: readonly string[]): Promise<void> {
  if (names.length === 0) throw usage('Name the root files, in their order.', 'import FILE …');
  const files = await Promise.all(names.map((name) => readText(pathOf(name))));
  const source = await openSource();
  try {
    printRootStatus(print, await source.ask({ command: 'importRoots', files }));
  } finally {
    await source.close();
  }
}

/** Public keys in hex, from PEM files; null where none is named. */
async function publicKeysOf({ flags, pathOf }: RootContext): Promise<string[] | null> {
  const names = listOf(flags.key);
  if (names.length === 0) return null;
  return Promise.all(
    names.map(async (name) => Buffer.from(publicKeyOf(name, await readText(pathOf(name)))).toString('hex')),
  );
}

function rolesOf(names: readonly string[]): OnlineRole[] {
  if (names.includes('all')) return [...ONLINE_ROLES];
  const roles = names.map((name) => {
    const found = ONLINE_ROLES.find((role) => role === name);
    if (found === undefined)
      throw usage(`There is no online key ${name}.`, 'rotate timestamp|snapshot|targets|bins|all');
    return found;
  });
  if (roles.length === 0) throw usage('Name what to rotate.', 'rotate timestamp|snapshot|targets|bins|all');
  return [...new Set(roles)];
}

function thresholdOf(given: unknown, word: string): number | null {
  if (given === undefined) return null;
  // Digits alone: what else JavaScript reads as a number, such as 0x10 or 1e1, nobody means.
  if (typeof given === 'string' && /^(?:[1-9]|1[0-6])$/.test(given)) return Number(given);
  throw usage('--threshold is a number from 1 to 16.', `${word} --key PUB … --threshold 2`);
}

function outOf(flags: RootContext['flags'], needed: string | null): string | null {
  const { out } = flags;
  if (typeof out === 'string' && out !== '') return out;
  if (needed === null) return null;
  throw usage('Name the file to write: --out FILE.', `${needed} --out FILE`);
}

const listOf = (given: unknown): string[] => (Array.isArray(given) ? given.map(String) : []);

function requireNames(names: readonly string[], count: number, word: string): readonly string[] {
  if (names.length === count) return names;
  throw usage(
    count === 0 ? 'This takes no argument.' : 'This needs FILE.',
    ROOT_COMMANDS[word]?.usage.slice(5) ?? word,
  );
}

function usage(message: string, next: string): AdminError {
  return new AdminError('USAGE', message, next.startsWith('--') ? `mosis-admin ${next}` : `mosis-admin root ${next}`);
}
