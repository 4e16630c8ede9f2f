/** Owns `mosis keys pin`: the next link of an app's chain of pinned keys, signed on this machine. */
import { KEY_ID_PATTERN } from '../../format/signing.ts';
import { defineCommand } from '../command.ts';
import { CliError, EXIT, usageError } from '../errors.ts';
import { AppPinsDocument } from '../generated/operations.ts';
import { noSuchApp, packageIdFor } from '../package-id.ts';
import { pinKeys } from '../pinning.ts';
import { openSigningKey } from '../signing-key.ts';
import { bold, dim, green, t, table } from '../text.ts';

export const keysPin = defineCommand({
  summary: 'Say which keys may sign an app',
  description:
    'The first link pins the key that signs it. Later links are signed by a key of the set before; until then the old set holds. Devices learn the chain.',
  arguments: [{ name: 'PACKAGE_ID', help: 'Such as com.example.notes (default: the app of this folder)' }],
  options: {
    key: {
      type: 'string',
      value: 'FILE',
      help: 'Private key that signs the change (default: the one of mosis keys generate)',
    },
    add: { type: 'string', value: 'KEY_ID,…', help: 'Keys to add to the set' },
    remove: { type: 'string', value: 'KEY_ID,…', help: 'Keys to take out of the set' },
  },
  exits: ['0  pinned', '5  the signing key is not in the set', '6  somebody changed the set meanwhile'],
  async run(context, { args, options }) {
    const packageId = await packageIdFor(context, args[0]);
    const add = keyIds(options.add, '--add');
    const remove = keyIds(options.remove, '--remove');
    const client = await context.client();
    const { app } = await client.request(AppPinsDocument, { packageId });
    if (app === null) throw noSuchApp(packageId, client.credential !== null);
    const signer = await openSigningKey(context, options.key);
    const first = app.pinnedKeyIds.length === 0;
    if (!first && !app.pinnedKeyIds.includes(signer.keyId)) {
      throw new CliError(
        'KEY_NOT_PINNED',
        `${signer.keyId} is not pinned for ${packageId}, so it cannot sign a change.`,
        {
          details: app.pinnedKeyIds.map((keyId) => `pinned: ${keyId}`),
          next: 'mosis keys pin --key FILE-OF-A-PINNED-KEY',
        },
      );
    }
    const before = first ? [signer.keyId] : app.pinnedKeyIds;
    const after = [...new Set([...before, ...add])].filter((keyId) => !remove.includes(keyId));
    if (!first && after.length === before.length && after.every((keyId) => before.includes(keyId)))
      throw usageError('The set stays as it is.', 'give --add KEY_ID or --remove KEY_ID');
    if (after.length === 0)
      throw new CliError('CONFLICT', 'An app keeps at least one key.', {
        exit: EXIT.conflict,
        next: 'add another key with --add first',
      });
    const pinned = await pinKeys(client, app, after, signer);
    return {
      json: { packageId, serial: app.pinSerial + 1, pinnedKeyIds: pinned },
      lines: [
        t`${green('pinned')}  ${bold(packageId)}`,
        ...table(
          pinned.map((keyId) => [dim('may sign'), keyId]),
          '  ',
        ),
      ],
    };
  },
});

function keyIds(text: string | undefined, flag: string): string[] {
  const list = text === undefined ? [] : text.split(',').map((part) => part.trim());
  for (const keyId of list)
    if (!KEY_ID_PATTERN.test(keyId))
      throw usageError(`${flag}: "${keyId}" is not a key id (SHA256:…).`, 'mosis keys list');
  return list;
}
