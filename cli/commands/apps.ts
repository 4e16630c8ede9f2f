/** Owns `mosis apps`. */
import type { Client } from '../client.ts';
import { defineCommand } from '../command.ts';
import { AppsDocument, type AppsQuery } from '../generated/operations.ts';
import { requireViewer } from '../pinning.ts';
import { bold, dim, green, red, type Styled, styled, t, table } from '../text.ts';

const PAGE = 100;
/** Pages that are read at most; nobody reads more at a terminal. */
const MAX_PAGES = 10;

type App = NonNullable<AppsQuery['viewer']>['apps']['edges'][number]['node'];

export const apps = defineCommand({
  summary: 'List your apps',
  async run(context) {
    const list = await allApps(await context.client());
    const rows = list.map((app) => [
      bold(app.packageId),
      app.name,
      statusText(app.status),
      app.latestVersion === null
        ? dim('nothing published')
        : `${app.latestVersion.versionName} (${app.latestVersion.versionCode})`,
      dim((app.viewerRole ?? '').toLowerCase()),
    ]);
    return {
      json: { apps: list },
      lines: rows.length === 0 ? [dim('You have no apps yet.')] : table(rows),
      notes: rows.length === 0 ? [t`next: mosis init NAME, then mosis publish --create`] : [],
    };
  },
});

async function allApps(client: Client): Promise<App[]> {
  const list: App[] = [];
  let after: string | null = null;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const data: AppsQuery = await client.request(AppsDocument, { first: PAGE, after });
    const { apps: connection } = requireViewer(data.viewer, client);
    list.push(...connection.edges.map(({ node }) => node));
    if (!connection.pageInfo.hasNextPage) break;
    after = connection.pageInfo.endCursor;
  }
  return list;
}

function statusText(status: App['status']): Styled {
  const words = status.toLowerCase();
  return status === 'PUBLISHED' ? green(words) : status === 'SUSPENDED' ? red(words) : styled(words);
}
