/** Owns what a version's files say of its origin: the same bytes in published apps of other people. It knows no name. */
import { PROVENANCE_CATALOGUE as CODES } from '../../format/catalogue/provenance.ts';
import { type Finding, finding } from '../../format/findings.ts';
import { printable } from '../../format/text.ts';
import type { ProvenanceQueries, ProvenanceSubject, SubjectFile } from './provenance-queries.ts';
import type { Slices } from './provenance-slices.ts';

/** Smaller files are alike by chance, or come from a template: a few rules of style, a one-colour icon. */
const MIN_BYTES = 256;
/** Files of one version that are compared, the largest first; a package may have 10,000. */
const MAX_FILES = 2_000;
const MAX_SHARED_FINDINGS = 20;
/** More developers than this carry a file: a library. Each of the first ones was shown to a person. */
export const COMMON_DEVELOPERS = 5;
const NAMED_FILES = 3;
/** Beyond every date; not '9999', which the column's numeric affinity would make a number, below every text. */
const FAR_AWAY = '9999-12-31';
/** Made anew for every package, so never the same by copying. */
const OWN_FILES = new Set(['manifest.json', 'signature.sig']);
/** Licence texts are the same everywhere, wherever they lie. */
const LICENCE = /(?:^|[/_.-])(?:licen[cs]e|copying|notice|ofl|apache-2\.0|mit|unlicense)(?:[/_.-][^/]*)?\.(?:txt|md)$/i;

/** Findings about files, the largest file first; at most 20 warnings and one notice. */
export async function fileFindings(
  queries: ProvenanceQueries,
  subject: ProvenanceSubject,
  slices: Slices,
): Promise<Finding[]> {
  const shared: Finding[] = [];
  const common: string[] = [];
  const seen = new Set<string>();
  for (const file of queries.files(subject.versionId, MAX_FILES)) {
    if (!isTelling(file) || seen.has(file.sha256)) continue;
    seen.add(file.sha256);
    const owners = ownersOf(queries, subject, file);
    const [first] = owners;
    if (owners.length > COMMON_DEVELOPERS) common.push(file.path);
    else if (first !== undefined && shared.length < MAX_SHARED_FINDINGS) {
      const others = owners.length === 1 ? '' : ` and of ${owners.length - 1} more`;
      const where = first.path === file.path ? '' : `, there at ${printable(first.path)}`;
      const message = `It is byte for byte a file of ${first.packageId}${others}, published by somebody else${where}.`;
      shared.push(finding(CODES.PROVENANCE_FILE_SHARED, message, { file: file.path }));
    }
    await slices.pause();
  }
  return [...shared, ...commonFinding(common)];
}

function isTelling({ path, size }: SubjectFile): boolean {
  return size >= MIN_BYTES && !OWN_FILES.has(path) && !LICENCE.test(path);
}

/** One published file for each other developer who had it first, read only until there are enough for a library. */
function ownersOf(queries: ProvenanceQueries, { appId }: ProvenanceSubject, { path, sha256 }: SubjectFile) {
  // Who published it before the others copied nothing.
  const before = queries.ownSince({ appId, path, sha256 }) ?? FAR_AWAY;
  const owners = new Map<string, { readonly packageId: string; readonly path: string }>();
  for (const found of queries.foreignFiles({ sha256, appId, before })) {
    if (!owners.has(found.developerId)) owners.set(found.developerId, found);
    if (owners.size > COMMON_DEVELOPERS) break;
  }
  return [...owners.values()];
}

function commonFinding(paths: readonly string[]): Finding[] {
  const [first] = paths;
  if (first === undefined) return [];
  const named = paths.slice(0, NAMED_FILES).map((path) => printable(path));
  const more = paths.length > named.length ? ` and ${paths.length - named.length} more` : '';
  const what = paths.length === 1 ? 'A file is' : `${paths.length} files are`;
  const message = `${what} in apps of more than ${COMMON_DEVELOPERS} developers: ${named.join(', ')}${more}.`;
  return [finding(CODES.PROVENANCE_FILE_COMMON, message, { file: first })];
}
