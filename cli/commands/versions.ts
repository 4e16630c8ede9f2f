/** Owns `mosis versions`. */
import { defineCommand } from '../command.ts';
import { AppVersionsDocument } from '../generated/operations.ts';
import { noSuchApp, packageIdFor } from '../package-id.ts';
import { bold, byteCount, dim, t, table } from '../text.ts';
import { localTime, stateText } from '../version-view.ts';

export const versions = defineCommand({
  summary: 'List the versions of an app',
  arguments: [{ name: 'PACKAGE_ID', help: 'Such as com.example.notes (default: the app of this folder)' }],
  options: { all: { type: 'boolean', help: 'Up to 100 instead of the newest 20' } },
  async run(context, { args, options }) {
    const packageId = await packageIdFor(context, args[0]);
    const client = await context.client();
    const { app } = await client.request(AppVersionsDocument, { packageId, first: options.all ? 100 : 20 });
    if (app === null) throw noSuchApp(packageId, client.credential !== null);
    const list = app.versions.edges.map(({ node }) => node);
    const rows = list.map((version) => [
      bold(version.versionName),
      `code ${version.versionCode}`,
      stateText(version.state),
      dim(localTime(version.publishedAt ?? version.submittedAt ?? version.createdAt)),
      byteCount(Number(version.packageSize)),
    ]);
    return {
      json: { packageId, versions: list, more: app.versions.pageInfo.hasNextPage },
      lines: rows.length === 0 ? [dim('No versions yet.')] : table(rows),
      notes:
        rows.length === 0
          ? [t`next: mosis publish`]
          : app.versions.pageInfo.hasNextPage && !options.all
            ? [dim('More: --all')]
            : [],
    };
  },
});
