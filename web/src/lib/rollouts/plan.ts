// What a person fills in to say to which devices a version goes, read and checked before it is sent. Pure.
import { t } from '#lib/messages/messages.ts';

/** Shares that are offered as one press; any other can be typed. */
export const USUAL_SHARES = [1, 5, 10, 25, 50, 100] as const;
export const MAX_STEPS = 20;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** A step as it stands in the form: a local date and time, and a share, both as text. */
export type StepDraft = { key: number; at: string; percent: string };
export type Step = { at: string; percent: number };
export type Read<Value> = { ok: true; value: Value } | { ok: false; error: string };

/** "12.5 %". */
export function shareText(percent: number): string {
  return `${Number(percent.toFixed(2))} %`;
}

/** A share as typed, more than `above` and up to 100 in steps of 0.01. */
export function readShare(text: string, above: number): Read<number> {
  const value = Number(text.trim().replace(/\s*%$/, '').replace(',', '.'));
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0 || value > 100)
    return { ok: false, error: t.rollouts.form.shareWrong };
  if (Math.abs(value * 100 - Math.round(value * 100)) > 1e-6) return { ok: false, error: t.rollouts.form.shareFine };
  if (value <= above) return { ok: false, error: t.rollouts.form.shareMore(shareText(above)) };
  return { ok: true, value: Math.round(value * 100) / 100 };
}

/** The steps of a schedule as the API takes them: each later and for more devices than the one before. */
export function readSteps(drafts: readonly StepDraft[], above: number, nowMs: number): Read<Step[]> {
  const steps: Step[] = [];
  let [last, lastMs] = [above, nowMs];
  for (const [index, draft] of drafts.entries()) {
    const atMs = Date.parse(draft.at);
    if (Number.isNaN(atMs) || atMs <= lastMs) return { ok: false, error: t.rollouts.form.stepTime(index + 1) };
    const share = readShare(draft.percent, last);
    if (!share.ok) return { ok: false, error: t.rollouts.form.stepShare(index + 1, share.error) };
    steps.push({ at: new Date(atMs).toISOString(), percent: share.value });
    [last, lastMs] = [share.value, atMs];
  }
  return { ok: true, value: steps };
}

/** A ramp from `from` to every device over `days` days, as steps of a form: the first a part of the way from now. */
export function rampOver(days: number, from: number, nowMs: number): Omit<StepDraft, 'key'>[] {
  const shares = [10, 25, 50, 100].filter((share) => share > from);
  return shares.map((share, index) => ({
    at: localMinute(nowMs + (days * DAY_MS * (index + 1)) / shares.length),
    percent: String(share),
  }));
}

/** A time as `datetime-local` takes it, in the reader's zone. */
export function localMinute(ms: number): string {
  const at = new Date(Math.ceil(ms / MINUTE_MS) * MINUTE_MS);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
