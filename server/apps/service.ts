/** Owns apps, members and pins: the only writer of their tables (an app's store columns are kept by versions/service). */
import { requirePerson, requireScope } from '../accounts/access.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { App } from '../generated/prisma/client.ts';
import { once } from '../idempotency.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import { isUniqueViolation } from '../platform/db/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { Unit, Work } from '../unit-of-work.ts';
import { type AppDemand, onlyOwnKeys, requireRole } from './access.ts';
import { parseCreateApp, parseListing, parsePin } from './inputs.ts';
import { checkPinLink, nextSerial } from './pin-chain.ts';

const MAX_APPS_PER_ACCOUNT = 500;
const WRITE: AppDemand = { role: 'MAINTAINER', scope: 'apps:write' };
const OWN: AppDemand = { role: 'OWNER', scope: 'apps:write' };

interface AppsOptions {
  readonly db: Database;
  readonly work: Work;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Called after a change that the public store shows. */
  readonly storeChanged: () => void;
}

export type Apps = ReturnType<typeof createApps>;

/** Apps of an installation. Every method throws DomainError for what a client can mend. */
export function createApps({ db, work, clock, ids, storeChanged }: AppsOptions) {
  async function withMembers(tx: Tx | Database['prisma'], id: string) {
    return tx.app.findUnique({ where: { id }, include: { members: { select: { developerId: true, role: true } } } });
  }

  return {
    /** The app with its members for an act, after checking the viewer may do it. */
    async require(tx: Tx, viewer: Viewer, appId: string, demand: AppDemand): Promise<App> {
      const app = await withMembers(tx, appId);
      requireRole(viewer, app, demand);
      if (app === null) throw notFound('The app');
      return app;
    },

    /** Makes a draft app owned by the viewer. Throws PACKAGE_ID_TAKEN, VALIDATION or LIMIT_REACHED. */
    async create(viewer: Viewer, input: unknown, origin: ActOrigin, key?: string | null): Promise<App> {
      const developer = requireScope(viewer, 'apps:write');
      onlyOwnKeys(developer);
      const given = parseCreateApp(input);
      const now = clock.now();
      try {
        return await work(async (unit) => {
          const made = await once(
            unit,
            clock,
            { viewer, key, operation: 'createApp', input },
            async () => (await insert(unit)).id,
          );
          return unit.tx.app.findUniqueOrThrow({ where: { id: made.id } });
        });
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        throw packageIdTaken(given.packageId);
      }

      async function insert(unit: Unit): Promise<App> {
        const count = await unit.tx.app.count({ where: { developerId: developer.developerId } });
        if (count >= MAX_APPS_PER_ACCOUNT) {
          throw new DomainError(
            'LIMIT_REACHED',
            `An account has at most ${MAX_APPS_PER_ACCOUNT} apps. Delete one you no longer need.`,
          );
        }
        const app = await unit.tx.app.create({
          data: {
            id: ids.next(),
            developerId: developer.developerId,
            packageId: given.packageId,
            name: given.name,
            summary: given.summary,
            description: given.description,
            category: given.category,
            tags: given.tags,
            tagText: given.tags.join(' '),
            createdAt: now,
            updatedAt: now,
            members: { create: { developerId: developer.developerId, role: 'OWNER', createdAt: now } },
          },
        });
        unit.audit({
          ...actorOf(viewer, origin),
          action: 'app.create',
          resourceType: 'app',
          resourceId: app.id,
          details: { packageId: app.packageId },
        });
        return app;
      }
    },

    /** Changes what the store shows. Fields left out stay as they are. */
    async updateListing(viewer: Viewer, appId: string, input: unknown, origin: ActOrigin): Promise<App> {
      const given = parseListing(input);
      const app = await work(async (unit) => {
        requireRole(viewer, await withMembers(unit.tx, appId), WRITE);
        unit.audit({
          ...actorOf(viewer, origin),
          action: 'app.update',
          resourceType: 'app',
          resourceId: appId,
          details: { fields: Object.keys(given) },
        });
        return unit.tx.app.update({
          where: { id: appId },
          data: {
            ...given,
            ...(given.tags === undefined ? {} : { tagText: given.tags.join(' ') }),
            updatedAt: clock.now(),
          },
        });
      });
      storeChanged();
      return app;
    },

    /** Deletes an app that never published anything; its drafts go with it. Throws APP_HAS_PUBLISHED_VERSIONS. */
    async delete(viewer: Viewer, appId: string, origin: ActOrigin): Promise<void> {
      requirePerson(viewer);
      await work(async (unit) => {
        const app = await withMembers(unit.tx, appId);
        requireRole(viewer, app, OWN);
        const submitted = await unit.tx.appVersion.count({ where: { appId, claimedCode: { not: null } } });
        if (submitted > 0) {
          throw new DomainError(
            'APP_HAS_PUBLISHED_VERSIONS',
            'An app with submitted versions cannot be deleted, so that its codes and history stay. Unpublish it instead.',
          );
        }
        await unit.tx.app.delete({ where: { id: appId } });
        unit.audit({
          ...actorOf(viewer, origin),
          action: 'app.delete',
          resourceType: 'app',
          resourceId: appId,
          details: { packageId: app?.packageId ?? null },
        });
      });
    },

    /**
     * Adds a link to the chain of keys that may sign the app: serial 1 by one of its own keys, each later one by a key of
     * the set before. Throws PIN_CHAIN_BROKEN, KEY_UNKNOWN, KEY_ENDED or VALIDATION.
     */
    async pin(viewer: Viewer, appId: string, input: unknown, origin: ActOrigin): Promise<App> {
      const given = parsePin(input);
      return work(async (unit) => {
        const app = await withMembers(unit.tx, appId);
        requirePerson(requireRole(viewer, app, { role: 'OWNER', scope: 'apps:write' }));
        if (app === null) throw notFound('The app');
        const chain = await unit.tx.pinLink.findMany({ where: { appId }, orderBy: { serial: 'asc' } });
        if (given.serial !== nextSerial(chain)) {
          throw new DomainError(
            'PIN_CHAIN_BROKEN',
            `The next link of this app's chain has serial ${nextSerial(chain)}, not ${given.serial}. Run \`mosis keys pin\` again.`,
          );
        }
        const memberIds = app.members.map((member) => member.developerId);
        const keys = await unit.tx.signingKey.findMany({
          where: { keyId: { in: given.keyIds }, developerId: { in: memberIds } },
        });
        checkPinLink({ packageId: app.packageId, link: given, chain, keys });
        await unit.tx.pinLink.create({ data: { appId, ...given, createdAt: clock.now() } });
        const actorId = viewer.kind === 'developer' ? viewer.developerId : null;
        unit.emit({ type: 'PINS_CHANGED', appId, actorId, payload: { serial: given.serial } });
        unit.audit({
          ...actorOf(viewer, origin),
          action: 'app.pin_keys',
          resourceType: 'app',
          resourceId: appId,
          details: { serial: given.serial, keyIds: given.keyIds },
        });
        return app;
      });
    },

    /** The key ids that may sign the app now; empty before the first link. */
    async pinnedKeyIds(appId: string): Promise<string[]> {
      const link = await db.prisma.pinLink.findFirst({ where: { appId }, orderBy: { serial: 'desc' } });
      return link === null ? [] : (link.keyIds as string[]);
    },
  };
}

function packageIdTaken(packageId: string): DomainError {
  return new DomainError(
    'PACKAGE_ID_TAKEN',
    `The package id ${packageId} is taken. Use one under a domain of yours, such as com.yourname.${packageId.split('.').at(-1)}.`,
    { fields: [{ path: 'input.packageId', message: 'is taken' }] },
  );
}
