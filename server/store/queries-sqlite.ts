/** Owns the store's hot reads on SQLite: prepared SQL on a read-only handle that stays the caller's. It writes nothing. */
import type { Database as RawHandle, Statement } from 'better-sqlite3';
import { parseSearch } from './match.ts';
import {
  type BetaVersion,
  type Facets,
  MAX_SORTED_MATCHES,
  type MatchPlace,
  type NamePlace,
  type NewestPlace,
  type Placed,
  type StoreQueries,
} from './queries.ts';
import { type Row, rowToApp } from './rows-sqlite.ts';

/** Every listed app has it. */
const LISTED = '';
/** Fewer apps than this are sorted by name; of more, the names are walked in order and each app's filters looked at. */
const FEW_APPS = 2_000;
/** Beyond every date; not '9999', which the column's numeric affinity would make a number, below every text. */
const LAST = { at: '9999-12-31', rowId: Number.MAX_SAFE_INTEGER };

const COLUMNS = `
  a.row_id AS rowId, a.package_id AS packageId, a.name, a.summary, a.description, a.category, a.tags, a.homepage,
  a.first_published_at AS publishedAt, a.last_published_at AS updatedAt, d.name AS developerName,
  v.version_code AS versionCode, v.version_name AS versionName, v.permissions, v.min_mosis_version AS minMosisVersion,
  v.package_size AS packageSize, v.package_sha256 AS packageSha256, v.release_notes AS releaseNotes,
  v.published_at AS versionPublishedAt, v.signer_key_id AS signedBy, v.platform_signature AS platformSignature,
  v.manifest -> '$.icons' AS icons`;
/** CROSS JOIN keeps SQLite to this order: the app is found first, the rest by its keys. */
const DETAILS = `
  CROSS JOIN app_versions v ON v.id = a.latest_version_id
  CROSS JOIN developers d ON d.id = a.developer_id`;
const PUBLISHED = `a.status = 'PUBLISHED' AND a.latest_version_id IS NOT NULL`;

/** What the store shows is itself for beta where nothing is for stable (versions/records, SHOWN). */
const BETA = `
  SELECT v.version_code AS versionCode, v.version_name AS versionName
  FROM apps a CROSS JOIN app_versions shown ON shown.id = a.latest_version_id
    CROSS JOIN rollouts r ON r.app_id = a.id AND r.track = 'BETA' AND r.state IN ('ACTIVE', 'COMPLETE')
    CROSS JOIN app_versions v ON v.id = r.version_id
  WHERE a.package_id = ? AND a.status = 'PUBLISHED' AND v.state = 'PUBLISHED' AND v.bytes_removed_at IS NULL
    AND (v.version_code > shown.version_code OR (v.id = shown.id AND NOT EXISTS (
      SELECT 1 FROM rollouts s
      WHERE s.version_id = v.id AND s.track = 'STABLE' AND s.state IN ('ACTIVE', 'PAUSED', 'COMPLETE'))))
  ORDER BY v.version_code DESC LIMIT 1`;

/** Prepares what is asked for at its first use: a statement for each number of filters. */
export function createSqliteStoreQueries(handle: RawHandle): StoreQueries {
  const statements = new Map<string, Statement<unknown[], Row>>();
  const rowIds = new Map<string, Statement<unknown[], number>>();
  const count = handle
    .prepare<[string, number], number>('SELECT count(*) FROM (SELECT 1 FROM store_facets WHERE facet = ? LIMIT ?)')
    .pluck();
  const withFacet = handle.prepare<[string], number>('SELECT row_id FROM store_facets WHERE facet = ?').pluck();
  const byPackageId = handle.prepare<[string], Row>(
    `SELECT ${COLUMNS} FROM apps a ${DETAILS} WHERE a.package_id = ? AND ${PUBLISHED}`,
  );
  const betaOf = handle.prepare<[string], BetaVersion>(BETA);

  function rows(sql: string, parameters: readonly unknown[]): Row[] {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = handle.prepare<unknown[], Row>(sql);
      statements.set(sql, statement);
    }
    return statement.all(...parameters);
  }

  function ids(sql: string, parameters: readonly unknown[]): number[] {
    let statement = rowIds.get(sql);
    if (statement === undefined) {
      statement = handle.prepare<unknown[], number>(sql).pluck();
      rowIds.set(sql, statement);
    }
    return statement.all(...parameters);
  }

  /** The filters with the rarest first, and how many apps have it (counted up to FEW_APPS). */
  function plan(facets: Facets): { rarest: string; others: readonly string[]; apps: number } {
    if (facets.length === 0) return { rarest: LISTED, others: [], apps: FEW_APPS };
    const counted = facets.map((facet) => ({ facet, apps: count.get(facet, FEW_APPS) ?? 0 }));
    const [first = { facet: LISTED, apps: FEW_APPS }, ...others] = counted.toSorted((a, b) => a.apps - b.apps);
    return { rarest: first.facet, others: others.map(({ facet }) => facet), apps: first.apps };
  }

  /**
   * The apps that have all filters where they are few, else null. The sets are met here: looking each app of one filter up
   * in the others took a hundred times as long at 100,000 apps.
   */
  function fewWith(facets: Facets): number[] | null {
    if (facets.length === 0) return null;
    const { rarest, others, apps } = plan(facets);
    if (others.length === 0 && apps >= FEW_APPS) return null;
    let left = withFacet.all(rarest);
    for (const facet of others) {
      const having = new Set(withFacet.all(facet));
      left = left.filter((rowId) => having.has(rowId));
    }
    return left.length < FEW_APPS ? left : null;
  }

  /** The best matches of the grades from `after` on: app rows, or only their ids. */
  function walkMatches<Found>(
    search: string,
    { facets, after, limit }: { facets: Facets; after: MatchPlace | null; limit: number },
    read: (sql: string, parameters: readonly unknown[], grade: number) => Found[],
    sql: { exact: string; grade: string },
  ): Found[] {
    const { name, grades } = parseSearch(search);
    const { rarest, others, apps } = plan(facets);
    if (grades.length === 0 || apps === 0) return [];
    // The rarest first: most apps are then passed over after one look.
    const filters = facets.length === 0 ? [] : [rarest, ...others];
    const found: Found[] = [];
    for (let grade = after?.grade ?? 0; grade <= grades.length && found.length < limit; grade += 1) {
      const before = grade === after?.grade ? after.rowId : LAST.rowId;
      const left = limit - found.length;
      const expression = grades[grade - 1];
      found.push(
        ...(expression === undefined
          ? read(sql.exact, [name, before, ...filters, left], grade)
          : read(sql.grade, [expression, before, name, ...filters, left], grade)),
      );
    }
    return found;
  }

  function bestIds(search: string, facets: Facets): string {
    const sql = matchSql('a.row_id', '', facets.length);
    return JSON.stringify(walkMatches(search, { facets, after: null, limit: MAX_SORTED_MATCHES }, ids, sql));
  }

  const placeNewest = (row: Row): Placed<NewestPlace> => ({
    app: rowToApp(row),
    place: { at: row.updatedAt, rowId: row.rowId },
  });
  const placeName = (row: Row): Placed<NamePlace> => ({
    app: rowToApp(row),
    place: { name: row.name, rowId: row.rowId },
  });

  return {
    newest(facets, after, limit) {
      const { at, rowId } = after ?? LAST;
      const few = facets.length < 2 ? null : fewWith(facets);
      if (few !== null) return rows(SORTED_NEWEST, [JSON.stringify(few), at, rowId, limit]).map(placeNewest);
      const { rarest, others } = plan(facets);
      return rows(newestSql(others.length), [rarest, at, rowId, ...others, limit]).map(placeNewest);
    },
    byName(facets, after, limit) {
      const { name, rowId } = after ?? { name: '', rowId: 0 };
      const few = fewWith(facets);
      const found =
        few === null
          ? rows(byNameSql(facets.length), [name, rowId, ...facets, limit])
          : rows(SORTED_BY_NAME, [JSON.stringify(few), name, rowId, limit]);
      return found.map(placeName);
    },
    matches(search, facets, after, limit) {
      const read = (sql: string, parameters: readonly unknown[], grade: number): Placed<MatchPlace>[] =>
        rows(sql, parameters).map((row) => ({ app: rowToApp(row), place: { grade, rowId: row.rowId } }));
      return walkMatches(search, { facets, after, limit }, read, matchSql(COLUMNS, DETAILS, facets.length));
    },
    matchesNewest(search, facets, after, limit) {
      const { at, rowId } = after ?? LAST;
      return rows(SORTED_NEWEST, [bestIds(search, facets), at, rowId, limit]).map(placeNewest);
    },
    matchesByName(search, facets, after, limit) {
      const { name, rowId } = after ?? { name: '', rowId: 0 };
      return rows(SORTED_BY_NAME, [bestIds(search, facets), name, rowId, limit]).map(placeName);
    },
    app(packageId) {
      const row = byPackageId.get(packageId);
      return row === undefined ? null : rowToApp(row);
    },
    beta: (packageId) => betaOf.get(packageId) ?? null,
  };
}

/** One condition for each further filter. */
function having(facets: number, rowId: string): string {
  return `AND EXISTS (SELECT 1 FROM store_facets WHERE row_id = ${rowId} AND facet = ?) `.repeat(facets);
}

/**
 * The same beside a walk through the text index: the apps of the first filter are collected once, then looked up (`+` keeps
 * SQLite from asking the text index for each of them).
 */
function among(facets: number): string {
  if (facets === 0) return '';
  return `AND +f.rowid IN (SELECT row_id FROM store_facets WHERE facet = ?) ${having(facets - 1, 'f.rowid')}`;
}

function newestSql(others: number): string {
  return `SELECT ${COLUMNS} FROM store_facets f CROSS JOIN apps a ON a.row_id = f.row_id ${DETAILS}
    WHERE f.facet = ? AND (f.last_published_at, f.row_id) < (?, ?) ${having(others, 'f.row_id')}
    ORDER BY f.last_published_at DESC, f.row_id DESC LIMIT ?`;
}

function byNameSql(facets: number): string {
  return `SELECT ${COLUMNS} FROM apps a INDEXED BY apps_store_name_idx ${DETAILS}
    WHERE ${PUBLISHED} AND (a.name COLLATE NOCASE, a.row_id) > (?, ?) ${having(facets, 'a.row_id')}
    ORDER BY a.name COLLATE NOCASE, a.row_id LIMIT ?`;
}

/** The grade of apps named exactly so, and the grades of the index. */
function matchSql(columns: string, details: string, facets: number): { exact: string; grade: string } {
  return {
    exact: `SELECT ${columns} FROM apps a ${details}
      WHERE a.name = ? COLLATE NOCASE AND a.row_id < ? AND ${PUBLISHED} ${having(facets, 'a.row_id')}
      ORDER BY a.row_id DESC LIMIT ?`,
    grade: `SELECT ${columns} FROM app_fts f CROSS JOIN apps a ON a.row_id = f.rowid ${details}
      WHERE app_fts MATCH ? AND f.rowid < ? AND ${PUBLISHED} AND a.name <> ? COLLATE NOCASE ${among(facets)}
      ORDER BY f.rowid DESC LIMIT ?`,
  };
}

const CHOSEN = `SELECT ${COLUMNS} FROM json_each(?) chosen CROSS JOIN apps a ON a.row_id = chosen.value ${DETAILS}`;
const SORTED_NEWEST = `${CHOSEN} WHERE (a.last_published_at, a.row_id) < (?, ?)
  ORDER BY a.last_published_at DESC, a.row_id DESC LIMIT ?`;
const SORTED_BY_NAME = `${CHOSEN} WHERE (a.name COLLATE NOCASE, a.row_id) > (?, ?)
  ORDER BY a.name COLLATE NOCASE, a.row_id LIMIT ?`;
