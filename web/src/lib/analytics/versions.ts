// The names of versions in what devices report. Pure.
import { t } from '#lib/messages/messages.ts';

/** What telemetry calls the versions that were never published, taken together. */
export const OTHER_VERSIONS = 'other';

export function versionLabel(name: string): string {
  return name === OTHER_VERSIONS ? t.analytics.otherVersions : name;
}

/** The counts that stand above everything else on the overview. */
type Totals = { activeDevices: number; installs: number; crashes: number | string; crashFreeDevices: number | null };

/** The totals of the whole app, or those of one version; null where nothing is known of that version. */
export function totalsOf(
  telemetry: Totals & { versions: readonly (Totals & { version: string })[] },
  version: string,
): Totals | null {
  return version === '' ? telemetry : (telemetry.versions.find((each) => each.version === version) ?? null);
}

type Named = { versionCode: number; versionName: string };

/** "1.4.0 (14)", or the bare code where no version of it is known. */
export function versionOfCode(versions: readonly Named[], code: number): string {
  const known = versions.find((each) => each.versionCode === code);
  return known ? `${known.versionName} (${code})` : t.analytics.crash.versionCode(code);
}
