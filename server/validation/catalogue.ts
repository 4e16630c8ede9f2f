/** Owns the catalogue entries of what can happen to a check itself, on a server. */
import { defineCatalogue } from '../../format/findings.ts';

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
});
