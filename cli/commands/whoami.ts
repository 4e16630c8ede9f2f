/** Owns `mosis whoami`. */
import { defineCommand } from '../command.ts';
import { WhoAmIDocument } from '../generated/operations.ts';
import { requireViewer } from '../pinning.ts';
import { bold, dim, t, table } from '../text.ts';
import { localTime } from '../version-view.ts';

const KINDS = { SESSION: 'browser session', CLI: 'CLI session', API_KEY: 'API key' } as const;

export const whoami = defineCommand({
  summary: 'Show who is signed in',
  exits: ['0  signed in', '4  not signed in'],
  async run(context) {
    const client = await context.client();
    const anonymous = client.credential === null;
    const { viewer } = anonymous ? { viewer: null } : await client.request(WhoAmIDocument, {});
    const { developer, credential } = requireViewer(viewer, client);
    const source = client.credential?.source === 'environment' ? ', from MOSIS_TOKEN' : '';
    const rows = [
      [dim('server'), context.serverUrl],
      [dim('by'), `${KINDS[credential.kind]}${source}`],
      [dim('roles'), developer.roles.join(', ').toLowerCase()],
      ...(credential.scopes === null
        ? []
        : [[dim('scopes'), credential.scopes.map((scope) => scope.toLowerCase().replace('_', ':')).join(', ')]]),
      ...(credential.expiresAt === null ? [] : [[dim('until'), localTime(credential.expiresAt)]]),
    ];
    return {
      json: { serverUrl: context.serverUrl, ...developer, credential },
      lines: [t`${bold(developer.name)}  ${developer.email}`, ...table(rows, '  ')],
    };
  },
});
