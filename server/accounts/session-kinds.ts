/** Owns the closed list of session kinds. */

export const SESSION_KINDS = ['PORTAL', 'CLI'] as const;
/** PORTAL: in a cookie of the browser. CLI: a bearer token from `mosis login`, never with reviewer or admin acts. */
export type SessionKind = (typeof SESSION_KINDS)[number];

/** Whether a stored text is one of the kinds. */
export function isSessionKind(text: string): text is SessionKind {
  return SESSION_KINDS.some((kind) => kind === text);
}
