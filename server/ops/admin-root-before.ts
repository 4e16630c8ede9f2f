/**
 * Owns the root that a signer trusts: reading it, and holding a draft against it. A draft's own word of what it follows lies beside
 * the signed part, so whoever carried the file may have written it. It asks no server.
 */
import { canonicalize } from '@tufjs/canonical-json';
import type { Metadata, Root } from '@tufjs/models';
import { verifiedRoot } from '../distribution/metadata/root.ts';
import type { RootDraft } from '../distribution/metadata/root-draft.ts';
import { AdminError } from './operator-client.ts';

/**
 * The draft as what follows the root in `text`, which is `name`. Throws BEFORE_UNSIGNED for a file that is no root signed by its own
 * keys, ROOT_NOT_NEXT for a draft of another number, BEFORE_FORGED for one that claims to follow another root.
 */
export function heldAgainst(
  draft: RootDraft,
  { name, text }: { readonly name: string; readonly text: string },
): RootDraft {
  const trusted = verifiedRoot(text, null);
  if (trusted === null)
    throw new AdminError(
      'BEFORE_UNSIGNED',
      `${name} is no root that its own keys have signed, so nothing can be held against it.`,
      'name the root that devices know now, such as /v1/metadata/N.root.json from your own copies',
    );
  const { version } = draft.next.signed;
  if (version !== trusted.version + 1)
    throw new AdminError(
      'ROOT_NOT_NEXT',
      `This prepares root ${version}; after root ${trusted.version} of ${name} comes root ${trusted.version + 1}.`,
      `name ${version - 1}.root.json, or have the next root prepared again`,
    );
  if (draft.before !== null && signedPart(draft.before) !== signedPart(trusted.metadata))
    throw new AdminError(
      'BEFORE_FORGED',
      `The file says of root ${trusted.version} what ${name} does not: somebody changed it on its way, or prepared it elsewhere.`,
      'sign nothing; have the next root prepared again, and carry it by another way',
    );
  return { next: draft.next, before: trusted.metadata };
}

function signedPart({ signed }: Metadata<Root>): string {
  return canonicalize(signed.toJSON());
}
