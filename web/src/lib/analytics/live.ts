// Keeps what came in over the last minute, second by second. Pure: the time is always an argument.

export const LIVE_SECONDS = 60;

export type LiveTick = { atMs: number; events: number; crashes: number; versions: readonly string[] };

/** Adds a tick and lets go of those older than a minute. */
export function addTick(ticks: readonly LiveTick[], tick: LiveTick): LiveTick[] {
  return [...recent(ticks, tick.atMs), tick];
}

/** The sums of the last minute, its events by second (oldest first), and the versions they came from. */
export function lastMinute(ticks: readonly LiveTick[], nowMs: number) {
  const perSecond = Array.from({ length: LIVE_SECONDS }, () => 0);
  const versions = new Set<string>();
  let events = 0;
  let crashes = 0;
  for (const tick of recent(ticks, nowMs)) {
    const place = LIVE_SECONDS - 1 - Math.max(0, Math.floor((nowMs - tick.atMs) / 1000));
    perSecond[place] = (perSecond[place] ?? 0) + tick.events;
    events += tick.events;
    crashes += tick.crashes;
    for (const version of tick.versions) versions.add(version);
  }
  return { perSecond, events, crashes, versions: [...versions] };
}

function recent(ticks: readonly LiveTick[], nowMs: number): LiveTick[] {
  return ticks.filter(({ atMs }) => nowMs - atMs < LIVE_SECONDS * 1000);
}
