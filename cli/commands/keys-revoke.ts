/** Owns `mosis keys revoke`: the end of a key, for good. */
import { payloadOf } from '../client.ts';
import { defineCommand } from '../command.ts';
import { CliError, EXIT, usageError } from '../errors.ts';
import { EndSigningKeyDocument } from '../generated/operations.ts';
import { registeredKeys } from '../pinning.ts';
import { bold, t, yellow } from '../text.ts';

export const keysRevoke = defineCommand({
  summary: 'End a key: retired or compromised',
  description:
    'A retired key signs nothing new; what it signed stays. A compromised key takes back everything that was submitted with it after the time you give. Neither can be undone.',
  arguments: [{ name: 'KEY_ID', help: 'SHA256:…, or its first characters', required: true }],
  options: {
    retired: { type: 'boolean', help: 'Nobody else has it; it is only not used any more' },
    'compromised-since': {
      type: 'string',
      value: 'TIME',
      help: 'Somebody else may have it since then, such as 2026-01-31T12:00:00Z',
    },
    yes: { type: 'boolean', short: 'y', help: 'Do not ask' },
  },
  exits: ['0  ended', '3  no such key'],
  async run(context, { args, options }) {
    const since = options['compromised-since'];
    if (options.retired === (since !== undefined))
      throw usageError('Say how the key ends: --retired, or --compromised-since TIME.', 'mosis keys revoke --help');
    const at = since === undefined ? null : instant(since);
    const client = await context.client();
    const key = oneKey(await registeredKeys(client), args[0] ?? '');
    const apps = key.pinnedApps.map(({ packageId }) => packageId);
    const effect = at === null ? 'It will sign nothing new.' : `What was submitted with it since ${at} is taken back.`;
    context.output.note(
      t`${yellow('ends:')} ${key.keyId} (${key.name})${apps.length === 0 ? '' : `, pinned for ${apps.join(', ')}`}. ${effect}`,
    );
    if (!options.yes && !(await context.prompt.confirm(t`This cannot be undone. End it`, '--yes')))
      throw new CliError('CANCELLED', 'Cancelled; nothing was changed.', { exit: EXIT.failed });
    const ending = at === null ? { ending: 'RETIRED' as const } : { ending: 'COMPROMISED' as const, since: at };
    const { endSigningKey } = await client.request(EndSigningKeyDocument, {
      input: { signingKeyId: key.id, ...ending },
    });
    const { signingKey } = payloadOf(endSigningKey, 'EndSigningKeyPayload', client);
    return {
      json: signingKey,
      lines: [t`${signingKey.status.toLowerCase()}  ${bold(signingKey.keyId)}`],
      notes: apps.map((packageId) => t`next: mosis keys pin ${packageId} --remove ${key.keyId}`),
    };
  },
});

function instant(text: string): string {
  const date = new Date(text);
  if (!Number.isNaN(date.getTime()) && /^\d{4}-\d{2}-\d{2}/.test(text)) return date.toISOString();
  throw usageError(
    `--compromised-since is a time such as 2026-01-31T12:00:00Z, not "${text}".`,
    'mosis keys revoke --help',
  );
}

function oneKey<Key extends { readonly keyId: string }>(keys: readonly Key[], asked: string): Key {
  const prefix = asked.startsWith('SHA256:') ? asked : `SHA256:${asked}`;
  const found = keys.filter(({ keyId }) => keyId.startsWith(prefix));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  const why = first === undefined ? `You have no key ${asked}.` : `${asked} begins more than one of your keys.`;
  throw new CliError('NOT_FOUND', why, { exit: EXIT.notFound, next: 'mosis keys list' });
}
