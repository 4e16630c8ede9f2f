/** Owns whether a version falls under a key that was reported as compromised. It writes nothing. */
import type { Tx } from '../platform/db/database.ts';

/** Whether a key signed it that somebody else may have had by then: it stays refused, whoever looks at it. */
export async function isOfCompromisedKey(
  tx: Tx,
  { signerKeyId, submittedAt }: { readonly signerKeyId: string | null; readonly submittedAt: Date | null },
): Promise<boolean> {
  const key = signerKeyId === null ? null : await tx.signingKey.findUnique({ where: { keyId: signerKeyId } });
  if (key?.status !== 'COMPROMISED') return false;
  return submittedAt === null || submittedAt >= (key.compromisedSince ?? key.createdAt);
}
