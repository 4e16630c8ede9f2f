/** Owns the bound on how many findings one check may keep. It never loses a severity: each has its own bound. */
import { FORMAT_CATALOGUE } from './catalogue/format.ts';
import type { CatalogueEntry, Finding, FindingPlace, Severity } from './findings.ts';
import { finding } from './findings.ts';

/** Collects findings up to a bound per severity and counts the rest. */
export class FindingList {
  readonly #maxPerSeverity: number;
  readonly #kept: Finding[] = [];
  readonly #counts: Record<Severity, number> = { error: 0, warning: 0, notice: 0 };

  constructor(maxPerSeverity: number) {
    this.#maxPerSeverity = maxPerSeverity;
  }

  add(entry: CatalogueEntry, message: string, place: FindingPlace = {}): void {
    if (this.#count(entry.severity)) this.#kept.push(finding(entry, message, place));
  }

  addAll(findings: readonly Finding[]): void {
    for (const found of findings) if (this.#count(found.severity)) this.#kept.push(found);
  }

  get errors(): number {
    return this.#counts.error;
  }

  /** What was kept, and where something was not, one notice that says how much. */
  list(): Finding[] {
    const left = Object.values(this.#counts).reduce((sum, count) => sum + Math.max(0, count - this.#maxPerSeverity), 0);
    if (left === 0) return [...this.#kept];
    return [...this.#kept, finding(FORMAT_CATALOGUE.FINDINGS_LEFT_OUT, `${left} more findings were left out.`)];
  }

  #count(severity: Severity): boolean {
    this.#counts[severity] += 1;
    return this.#counts[severity] <= this.#maxPerSeverity;
  }
}

/** The same bound for findings that are already a list. */
export function capFindings(findings: readonly Finding[], maxPerSeverity: number): Finding[] {
  const list = new FindingList(maxPerSeverity);
  list.addAll(findings);
  return list.list();
}
