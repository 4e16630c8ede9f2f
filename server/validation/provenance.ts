/**
 * Owns the check that asks where a version comes from: files, name and package id beside those of published apps of other people.
 * Its findings never refuse a version: a person judges.
 */
import { PROVENANCE_CATALOGUE as CODES } from '../../format/catalogue/provenance.ts';
import { nameKeys } from '../../format/confusables.ts';
import { type CatalogueEntry, type Finding, finding } from '../../format/findings.ts';
import { printable } from '../../format/text.ts';
import type { ContextCheck } from './context-checks.ts';
import { COMMON_DEVELOPERS, fileFindings } from './provenance-files.ts';
import { createNameIndex, type Resemblance } from './provenance-index.ts';
import type { ProvenanceQueries, ProvenanceSubject, PublishedApp } from './provenance-queries.ts';
import { createSlices, type Slices } from './provenance-slices.ts';

/** The check's name in the timeline. */
const PROVENANCE_CHECK_NAME = 'provenance';
const MAX_NAME_FINDINGS = 3;
/** Resemblances that are read at all, the same ones first: a name that thousands have is common anyway. */
const MAX_READ = 2_000;
/** Those whose members are asked for; the same and oldest first. */
const MAX_ASKED = 50;
const MANIFEST = { file: 'manifest.json' } as const;

/** A published app that resembles the version. */
interface Similar {
  readonly app: PublishedApp;
  readonly same: boolean;
}

export type Provenance = ReturnType<typeof createProvenance>;

/** The check over a database; `forget` belongs to the changes of the store. */
export function createProvenance(queries: ProvenanceQueries) {
  const index = createNameIndex(queries);

  /** The published apps of other people among those, the same ones first, then by age; only those that were there before. */
  async function foreign(
    subject: ProvenanceSubject,
    found: readonly Resemblance[],
    { before, slices }: { before: string | null; slices: Slices },
  ): Promise<Similar[]> {
    const earlier: Similar[] = [];
    for (const { rowId, same } of found.toSorted((a, b) => Number(b.same) - Number(a.same)).slice(0, MAX_READ)) {
      const app = queries.publishedApp(rowId);
      if (app !== null && app.packageId !== subject.packageId && (before === null || app.firstPublishedAt < before))
        earlier.push({ app, same });
      await slices.pause();
    }
    earlier.sort(
      (a, b) => Number(b.same) - Number(a.same) || (a.app.firstPublishedAt < b.app.firstPublishedAt ? -1 : 1),
    );
    const others: Similar[] = [];
    for (const each of earlier.slice(0, MAX_ASKED)) {
      if (!queries.related(each.app.rowId, subject.appId)) others.push(each);
      await slices.pause();
    }
    return others;
  }

  async function nameFindings(subject: ProvenanceSubject, slices: Slices): Promise<Finding[]> {
    const known = new Set(queries.earlierNames(subject).map((name) => nameKeys(name).folded));
    const names = new Map([subject.manifestName, subject.appName].map((name) => [nameKeys(name).folded, name]));
    const findings: Finding[] = [];
    for (const [folded, name] of names) {
      // Who had the name first copied nothing; a new name is measured against everybody.
      const before = known.has(folded) ? subject.firstPublishedAt : null;
      const similar = await foreign(subject, await index.similarNames(name, slices), { before, slices });
      findings.push(...judgeName(name, similar));
    }
    return once(findings).slice(0, MAX_NAME_FINDINGS);
  }

  async function idFindings(subject: ProvenanceSubject, slices: Slices): Promise<Finding[]> {
    const found = await index.similarIds(subject.packageId, slices);
    // A package id is for ever: only apps that were published before it count.
    const similar = await foreign(subject, found, { before: subject.firstPublishedAt, slices });
    return similar.slice(0, MAX_NAME_FINDINGS).map(({ app }) => {
      const message = `The package id ${subject.packageId} reads like ${app.packageId}, ${published(app)}.`;
      return finding(CODES.PROVENANCE_ID_SIMILAR, message, MANIFEST);
    });
  }

  async function run({ id }: { readonly id: string }, signal?: AbortSignal): Promise<Finding[]> {
    const subject = queries.subject(id);
    if (subject === null) return [];
    const slices = createSlices(signal);
    return [
      ...(await nameFindings(subject, slices)),
      ...(await idFindings(subject, slices)),
      ...(await fileFindings(queries, subject, slices)),
    ];
  }

  const check: ContextCheck = {
    name: PROVENANCE_CHECK_NAME,
    run: (version, _db, signal) => run(version, signal),
  };
  return {
    /** What a version shares with published apps of other people; nothing for one that is gone. Reads only. */
    check,
    /** The published apps are other ones now. */
    forget: index.drop,
  };
}

/** One notice for a name that many have, else a warning for each that somebody has. */
function judgeName(name: string, similar: readonly Similar[]): Finding[] {
  const developers = new Set(similar.flatMap(({ app, same }) => (same ? [app.developerId] : [])));
  if (developers.size > COMMON_DEVELOPERS) {
    const message = `Apps of more than ${COMMON_DEVELOPERS} other developers are called "${printable(name)}".`;
    return [finding(CODES.PROVENANCE_NAME_COMMON, message, MANIFEST)];
  }
  return similar.slice(0, MAX_NAME_FINDINGS).map(({ app, same }) => nameFinding(name, app, same));
}

function nameFinding(name: string, app: PublishedApp, same: boolean): Finding {
  const entry: CatalogueEntry = CODES.PROVENANCE_NAME_SIMILAR;
  const how = same ? 'reads the same as' : 'is a slip away from';
  const message = `The name "${printable(name)}" ${how} "${printable(app.name)}", the app ${app.packageId}, ${published(app)}.`;
  return finding(entry, message, MANIFEST);
}

function published({ firstPublishedAt }: PublishedApp): string {
  return `published by somebody else since ${firstPublishedAt.slice(0, 10)}`;
}

function once(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((each) => [each.message, each])).values()];
}
