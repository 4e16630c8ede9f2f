/** Owns the check of file types over a whole package, docs/PACKAGE_FORMAT.md §2. */
import { CONTENTS_CATALOGUE } from '../catalogue/contents.ts';
import type { Check } from '../check.ts';
import { checkContent } from '../contents.ts';
import { FindingList } from '../finding-list.ts';
import { PACKAGE_LIMITS } from '../limits.ts';

/** Every file is of an allowed type and is what its name says. */
export const contentsCheck: Check = {
  name: 'contents',
  kind: 'format',
  findings: CONTENTS_CATALOGUE,
  run: ({ files }) => {
    const findings = new FindingList(PACKAGE_LIMITS.maxFindings);
    for (const [path, bytes] of files) checkContent(path, bytes, findings);
    return findings.list();
  },
};
