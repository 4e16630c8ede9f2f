// Makes the GraphQL client of the portal: HTTP for queries and mutations, the socket for subscriptions, a normalised cache in
// front of both. It knows nothing of pages.
import { Client, fetchExchange, mapExchange, subscriptionExchange } from '@urql/core';
import { cacheExchange, type Data } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { hasCode } from '#lib/graphql/errors.ts';
import type { LiveTransport } from '#lib/graphql/transport.ts';

/** Where a mutation's result carries the server's data as it came. */
export const WHOLE_ANSWER = 'wholeAnswer';

const embedded = () => null;

/** Objects without an id of their own live inside the object that holds them. */
const KEYS = {
  Viewer: () => 'me',
  Platform: () => 'platform',
  Event: (data: Data) => (typeof data.cursor === 'string' ? data.cursor : null),
  FindingHelp: (data: Data) => (typeof data.code === 'string' ? data.code : null),
  Credential: embedded,
  PageInfo: embedded,
  EventActor: embedded,
  Permission: embedded,
  PackageFile: embedded,
  QueuePosition: embedded,
  AppMember: embedded,
  PublicDeveloper: embedded,
  StoreVersion: embedded,
  StoreBetaVersion: embedded,
  Telemetry: embedded,
  TelemetryCount: embedded,
  TelemetryPoint: embedded,
  TelemetryLive: embedded,
  VersionHealth: embedded,
  ReleaseHealth: embedded,
  Share: embedded,
  PercentilePoint: embedded,
  RejectedCount: embedded,
  DroppedCount: embedded,
  DownloadDay: embedded,
  CrashGroupVersion: embedded,
  DeviceLoginRequest: embedded,
  FieldProblem: embedded,
  WebhookAttempt: embedded,
  Approval: embedded,
  FileChange: embedded,
  DeveloperRecord: embedded,
  RescanFinding: embedded,
  RolloutStep: embedded,
  RolloutGuard: embedded,
  EventRollout: embedded,
  EventCrash: embedded,
  ReviewPolicy: embedded,
  RolloutGuardPolicy: embedded,
  PackageRetentionPolicy: embedded,
  TelemetryRetentionPolicy: embedded,
  PolicyRule: embedded,
  SettingDifference: embedded,
  Health: embedded,
  RootHealth: embedded,
  MetadataWarning: embedded,
  UpdateFailure: embedded,
  TelemetryExport: embedded,
};

export type ClientOptions = {
  transport: LiveTransport;
  /** Called when the server says that nobody is signed in any more. */
  onSignedOut: () => void;
};

/** A client with an empty cache; made again whenever another person signs in. */
export function createGraphClient({ transport, onSignedOut }: ClientOptions): Client {
  return new Client({
    url: '/graphql',
    preferGetMethod: false,
    fetchOptions: { credentials: 'same-origin' },
    requestPolicy: 'cache-and-network',
    exchanges: [
      mapExchange({
        onError(error) {
          if (hasCode(error, 'UNAUTHENTICATED')) onSignedOut();
        },
      }),
      cacheExchange({
        keys: KEYS,
        resolvers: {
          Query: {
            store: relayPagination(),
          },
          Version: { findings: relayPagination() },
        },
      }),
      // The cache cannot match a fragment on the interface Error without the schema, and would drop a problem's fields:
      // a mutation's answer is therefore handed on whole beside the cached one.
      mapExchange({
        onResult(result) {
          if (result.operation.kind !== 'mutation') return result;
          return { ...result, extensions: { ...result.extensions, [WHOLE_ANSWER]: result.data } };
        },
      }),
      fetchExchange,
      subscriptionExchange({ forwardSubscription: (request) => transport.forward(request) }),
    ],
  });
}
