/** Owns the catalogue entries that belong to no single check. */
import { defineCatalogue } from '../findings.ts';

export const FORMAT_CATALOGUE = defineCatalogue({
  FINDINGS_LEFT_OUT: {
    severity: 'notice',
    title: 'More findings than are kept',
    why: 'A check keeps at most 200 findings of one severity, so that a hostile package cannot fill the database.',
    fix: 'Fix what is listed and check again; the rest will then show.',
    bad: '10,000 files of a type that is not allowed',
    good: 'fewer than 200 findings of each severity',
    section: '5',
  },
});
