/** Owns the form in which a finding is kept: in its row, on a refused upload and in an event alike. */
import type { Finding } from '../../format/findings.ts';

/** The fields of a finding as stored; versions/check-types reads them back. */
export function storedFinding(found: Finding) {
  return {
    code: found.code,
    severity: found.severity.toUpperCase(),
    message: found.message,
    help: found.help,
    file: found.file ?? null,
    line: found.line ?? null,
    column: found.column ?? null,
  };
}
