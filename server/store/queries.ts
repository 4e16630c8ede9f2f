/** Owns the contract of the store's hot reads, whatever database answers them. Only published apps are found. */

/** The version of an app that the store offers. */
export interface StoreVersion {
  readonly versionCode: number;
  readonly versionName: string;
  readonly permissions: readonly string[];
  readonly minMosisVersion: string;
  /** Bytes. */
  readonly packageSize: number;
  readonly packageSha256: string;
  readonly releaseNotes: string;
  readonly publishedAt: Date;
  /** The developer's key id. */
  readonly signedBy: string;
  /** `<keyId>.<base64>` by the platform. */
  readonly platformSignature: string;
  /** Sizes of icons that the package has, in pixels as the manifest writes them. */
  readonly iconSizes: readonly string[];
}

/** An app as the store shows it. */
export interface StoreApp {
  /** Place in the store's orders; never shown. */
  readonly rowId: number;
  readonly packageId: string;
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly category: string | null;
  readonly tags: readonly string[];
  readonly homepage: string | null;
  /** First publication. */
  readonly publishedAt: Date;
  /** Newest publication. */
  readonly updatedAt: Date;
  readonly developerName: string;
  readonly version: StoreVersion;
}

/** A version that devices on the beta track are offered. */
export interface BetaVersion {
  readonly versionCode: number;
  readonly versionName: string;
}

/** What apps must have, all of it: `c:` category, `t:` tag, `p:` permission. */
export type Facets = readonly string[];

/** Where in an order a page begins: after this app. */
export type NewestPlace = { readonly at: string; readonly rowId: number };
export type NamePlace = { readonly name: string; readonly rowId: number };
/** Matches are ordered by how well they match (0 is best), newest app first within one grade. */
export type MatchPlace = { readonly grade: number; readonly rowId: number };

/** An app with its place in the order that it was listed by. */
export interface Placed<Place> {
  readonly app: StoreApp;
  readonly place: Place;
}

export interface StoreQueries {
  /** Newest publication first. */
  newest(facets: Facets, after: NewestPlace | null, limit: number): Placed<NewestPlace>[];
  /** By name, the case of ASCII letters ignored. */
  byName(facets: Facets, after: NamePlace | null, limit: number): Placed<NamePlace>[];
  /** Apps that have every word, or words that begin with it, best match first. */
  matches(search: string, facets: Facets, after: MatchPlace | null, limit: number): Placed<MatchPlace>[];
  /** The best `MAX_SORTED_MATCHES` matches in another order. */
  matchesNewest(search: string, facets: Facets, after: NewestPlace | null, limit: number): Placed<NewestPlace>[];
  matchesByName(search: string, facets: Facets, after: NamePlace | null, limit: number): Placed<NamePlace>[];
  /** Null unless the app is published now. */
  app(packageId: string): StoreApp | null;
  /**
   * The newest version offered on beta, if it is newer than what the store shows of stable; of an app that has only beta, what the
   * store shows. Null where there is none or the app is not published. For one app's page: lists do not read it.
   */
  beta(packageId: string): BetaVersion | null;
}

/** A search in another order than its own sorts this many of the best matches. */
export const MAX_SORTED_MATCHES = 500;
