// Fetches an app's counts as a file and hands it to the browser. The server decides what is in it.
import { messageOf } from '#lib/graphql/errors.ts';
import { type TelemetryExportFormat, TelemetryFileDocument } from '#lib/graphql/generated/graphql.ts';
import { graph } from '#lib/graphql/graph.svelte.ts';
import { t } from '#lib/messages/messages.ts';

export type Range = { readonly from: string; readonly to: string };

/** Such as `com.example.notes-2026-03-01-2026-03-30.csv`. */
export function fileNameOf(packageId: string, { from, to }: Range, format: TelemetryExportFormat): string {
  return `${packageId}-${from}-${to}.${format.toLowerCase()}`;
}

/** Saves the counts of the days; how many rows they have. Throws an Error with a message for people where there is no file. */
export async function saveCounts(packageId: string, range: Range, format: TelemetryExportFormat): Promise<number> {
  const { data, error } = await graph.client
    .query(TelemetryFileDocument.toString(), { packageId, range, format }, { requestPolicy: 'network-only' })
    .toPromise();
  const file = data?.app?.telemetryExport;
  if (!file) throw new Error(error ? messageOf(error, t.errors.unreachable) : t.errors.unreachable);
  if (file.rows > 0) save(new Blob([file.content], { type: file.mediaType }), fileNameOf(packageId, range, format));
  return file.rows;
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken hold of the bytes by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
