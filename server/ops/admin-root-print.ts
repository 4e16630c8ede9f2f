/** Owns what people read of roots: one line of health, a root's contents, and what changes from the one before. It asks nothing. */
import type { Metadata, Root } from '@tufjs/models';
import { ROOT_NAMED_ROLES } from '../distribution/metadata/role-keys.ts';
import { namedKeys } from '../distribution/metadata/root.ts';
import { missingSignatures, type RootDraft } from '../distribution/metadata/root-draft.ts';
import type { Printer } from './admin-print.ts';
import type { RootAnswer } from './operator-protocol.ts';

/** `2, 2 of 3 keys, ends 2027-11-21`. */
export function rootLine({ root }: RootAnswer): string {
  const kind = root.development ? 'DEVELOPMENT ROOT, its key is on this server' : keyCount(root.threshold, root.keys);
  return `${root.version}, ${kind}, ends ${root.expires.slice(0, 10)}`;
}

export function printRootStatus(print: Printer, answer: RootAnswer): void {
  const { root, online, timestampExpires, warnings } = answer;
  print.document(answer);
  print.table([
    ['root', rootLine(answer)],
    ...root.keys.map((key) => ['root key', key]),
    ...online.map(({ role, key, waits }) => [role, `${key ?? 'no key'}${waits === null ? '' : `, ${waits} waits`}`]),
    ['timestamp ends', timestampExpires ?? 'nothing is signed yet'],
  ]);
  for (const { message } of warnings) print.note(`warning: ${message}`);
}

/** What root keys put their name to, as a document and as lines; `trusted` is the file that it was held against, if any. */
export function printDraft(print: Printer, draft: RootDraft, trusted: string | null): void {
  const { next, before } = draft;
  const missing = missingSignatures(next, before);
  const { keyIds, threshold } = namedKeys(next, 'root');
  const online = ROOT_NAMED_ROLES.map((role) => ({ role, key: namedKeys(next, role).keyIds[0] ?? null }));
  const { version, expires } = next.signed;
  const changes = before === null ? null : changesOf(next, before);
  print.document({ version, expires, threshold, keys: keyIds, online, missing, before: trusted, changes });
  print.line(`Root ${version}, ends ${expires}${was(changes?.expires)}`);
  print.line(`Roots after it need ${keyCount(threshold, keyIds)}${was(changes?.threshold)}:`);
  const mark = (role: string, keyId: string) => (isNew(before, role, keyId) ? '   NEW' : '');
  for (const keyId of keyIds) print.line(`  ${keyId}${mark('root', keyId)}`);
  for (const gone of changes?.goneKeys ?? []) print.line(`  ${gone}   GONE`);
  print.line('Online keys:');
  for (const { role, key } of online) print.line(`  ${role.padEnd(9)}  ${key}${mark(role, key ?? '')}`);
  for (const { role, key } of changes?.goneOnline ?? []) print.line(`  ${role.padEnd(9)}  ${key}   GONE`);
  if (before === null) print.note('The file does not say which root it follows, so what is new cannot be shown.');
  else if (trusted !== null)
    print.note(
      `What changes is told from root ${before.signed.version} in ${trusted}, which its own keys have signed.`,
    );
  else
    print.note(
      `What changes (NEW, GONE, was) is the file's own claim of root ${before.signed.version}: whoever carried it may have forged that. Hold it against the root that you trust: --before ${before.signed.version}.root.json`,
    );
  if (missing.length === 0) print.note('Enough keys have signed.');
  for (const { rule, count, keyIds: possible } of missing)
    print.note(
      `Missing: ${count} by the rule of root ${rule === 'next' ? version : version - 1}, of ${possible.join(', ')}`,
    );
  if (threshold === 1 && keyIds.length === 1)
    print.note(
      'One key decides alone: whoever finds it can do anything, and if it is lost, every device must be provisioned again.',
    );
  else if (threshold === keyIds.length)
    print.note('Every key is needed: if one is lost, every device must be provisioned again.');
}

const keyCount = (threshold: number, keys: readonly string[]): string =>
  `${threshold} of ${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`;

function isNew(before: Metadata<Root> | null, role: string, keyId: string): boolean {
  return before !== null && !namedKeys(before, role).keyIds.includes(keyId);
}

/** What is no longer as in the root before; null where a value stays. */
function changesOf(next: Metadata<Root>, before: Metadata<Root>) {
  const now = namedKeys(next, 'root');
  const old = namedKeys(before, 'root');
  const { expires } = before.signed;
  return {
    newKeys: now.keyIds.filter((keyId) => !old.keyIds.includes(keyId)),
    goneKeys: old.keyIds.filter((keyId) => !now.keyIds.includes(keyId)),
    threshold: old.threshold === now.threshold ? null : old.threshold,
    expires: expires === next.signed.expires ? null : expires,
    goneOnline: ROOT_NAMED_ROLES.flatMap((role) =>
      namedKeys(before, role)
        .keyIds.filter((keyId) => !namedKeys(next, role).keyIds.includes(keyId))
        .map((key) => ({ role, key })),
    ),
  };
}

const was = (old: string | number | null | undefined): string =>
  old === null || old === undefined ? '' : ` (was ${old})`;
