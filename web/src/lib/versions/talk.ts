// What a list of findings needs to let people talk about each of them.
import type { CommentFragment } from '#lib/graphql/generated/graphql.ts';

export type Talk = {
  versionId: string;
  comments: readonly CommentFragment[];
  /** Called when a comment was sent. */
  onsent: () => void;
  /** Words by finding that wait for the reviewer's rejection; absent for everybody who cannot reject. */
  keep?:
    | {
        bodies: Readonly<Record<string, string>>;
        set: (findingId: string, body: string | null) => void;
      }
    | undefined;
};
