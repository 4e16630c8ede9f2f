/** Owns the catalogue entries of what happens around the checks on a server: to a check itself, or to bytes on their way to it. */
import { defineCatalogue } from '../findings.ts';

export const CHECK_CATALOGUE = defineCatalogue({
  CHECK_CRASHED: {
    severity: 'warning',
    title: 'A check did not finish',
    why: 'A check that crashes or overruns has not looked at everything, so its silence proves nothing. A person decides instead.',
    fix: 'Nothing is asked of you: a reviewer looks at the version. If your package is unusually large or nested, making it plainer may help.',
    bad: 'assets/scripts/data.lua with one table of 900,000 nested braces',
    good: 'The same data as several flat tables',
    section: '6',
  },
  UPLOAD_HASH_MISMATCH: {
    severity: 'error',
    title: 'The bytes that arrived are not those announced',
    why: 'An upload names the SHA-256 of its file first, so that bytes that changed on their way never become a version.',
    fix: 'Start a new upload; if it happens again, the file changed while it was being sent.',
    bad: 'building the package again while `mosis upload` sends it',
    good: 'uploading a file that nothing writes to',
    section: '1',
  },
});
