/** Owns the people, the app and the webhooks that the reader's tests are about, written as rows. */
import type { Tx } from '../../server/platform/db/database.ts';

export const APP_ID = 'app-1';
export const BOB = 'bob';
/** Ada's and Bob's; both are members of the app. */
export const WEBHOOK_IDS = ['hook-of-ada', 'hook-of-bob'] as const;

export async function populate(tx: Tx, at: Date): Promise<void> {
  const times = { createdAt: at, updatedAt: at };
  for (const id of ['ada', BOB]) {
    const mailEvents = ['SUBMITTED', 'APPROVED', 'PUBLISHED', 'UNPUBLISHED'];
    await tx.developer.create({ data: { id, email: `${id}@example.org`, name: id, mailEvents, ...times } });
  }
  await tx.app.create({
    data: { id: APP_ID, developerId: 'ada', packageId: 'com.example.app', name: 'App', tags: [], ...times },
  });
  for (const [index, developerId] of ['ada', BOB].entries()) {
    await tx.appMember.create({ data: { appId: APP_ID, developerId, role: 'OWNER', createdAt: at } });
    const id = WEBHOOK_IDS[index] ?? '';
    await tx.webhook.create({
      data: { id, developerId, url: 'http://localhost:9/', secretSealed: '', eventTypes: [], ...times },
    });
  }
}
