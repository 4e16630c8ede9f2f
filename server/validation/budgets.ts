/** Owns how long each check may take. It stops nothing: check-worker.ts and context-checks.ts do. */

/** What a check that is not in the table may take. */
const DEFAULT_BUDGET_MS = 10_000;

/** Wall time by check, in milliseconds: many times what the largest honest package takes (bench/README.md). */
const BUDGETS_MS: Readonly<Record<string, number>> = {
  archive: 10_000,
  manifest: 10_000,
  contents: 10_000,
  signature: 10_000,
  icons: 10_000,
  locales: 10_000,
  rml: 10_000,
  rcss: 10_000,
  lua: 10_000,
  provenance: 10_000,
  image: 10_000,
};

/** After so many milliseconds the check counts as crashed. */
export function budgetMsOf(check: string): number {
  return BUDGETS_MS[check] ?? DEFAULT_BUDGET_MS;
}
