// Reads what a device said of the moment of a crash. Pure; what was sent is not to be trusted.
import { duration } from '#lib/format/time.ts';
import { t } from '#lib/messages/messages.ts';

const MAX_FACTS = 12;

/** The context of a crash as names and values for people; none where it is missing or no JSON object. */
export function contextFacts(json: string | null | undefined): { name: string; value: string }[] {
  let context: unknown;
  try {
    context = JSON.parse(json ?? '');
  } catch {
    return [];
  }
  if (typeof context !== 'object' || context === null || Array.isArray(context)) return [];
  return Object.entries(context)
    .slice(0, MAX_FACTS)
    .map(([name, value]) => ({ name: t.analytics.crash.contextName[name] ?? name, value: textOf(name, value) }));
}

function textOf(name: string, value: unknown): string {
  if (name === 'uptime_seconds' && typeof value === 'number') return duration(value * 1000);
  if (name === 'memory_mb' && typeof value === 'number') return `${value} MB`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
