/** Owns how a reason code of a failed update is written; devices invent new ones with new releases, so the list is open. Pure. */

/** Such as `DOWNLOAD_CORRUPT` (docs/DEVICE_PROTOCOL.md §7). */
export const REASON_PATTERN = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/;
export const MAX_REASON_CHARS = 40;

/** Whether a text is written as a reason code. */
export function isReason(text: string): boolean {
  return text.length <= MAX_REASON_CHARS && REASON_PATTERN.test(text);
}
