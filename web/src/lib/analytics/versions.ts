// The names of versions in what devices report. Pure.
import { t } from '#lib/messages/messages.ts';

/** What telemetry calls the versions that were never published, taken together. */
export const OTHER_VERSIONS = 'other';

export function versionLabel(name: string): string {
  return name === OTHER_VERSIONS ? t.analytics.otherVersions : name;
}

type Named = { versionCode: number; versionName: string };

/** "1.4.0 (14)", or the bare code where no version of it is known. */
export function versionOfCode(versions: readonly Named[], code: number): string {
  const known = versions.find((each) => each.versionCode === code);
  return known ? `${known.versionName} (${code})` : t.analytics.crash.versionCode(code);
}
