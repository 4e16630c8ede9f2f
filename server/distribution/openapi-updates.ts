/** Owns the update check's part of the OpenAPI document. The limits come from the check itself. */
import { MAX_VERSION_CODE, PACKAGE_ID_PATTERN } from '../../format/manifest-schema.ts';
import { SEMVER_PATTERN } from '../../format/semver.ts';
import { TRACKS } from '../../format/trust/targets.ts';
import { type Json, problem } from './openapi-parts.ts';
import { UPDATE_CHECK_LIMITS } from './updates/request.ts';

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const packageId: Json = { type: 'string', pattern: PACKAGE_ID_PATTERN.source, maxLength: 128 };
const versionCode: Json = { type: 'integer', minimum: 1, maximum: MAX_VERSION_CODE };

/** The path of the update check. */
export function updatePaths(): Json {
  return {
    '/v1/updates/check': {
      post: {
        operationId: 'checkForUpdates',
        summary: 'What is offered to a device for all its apps: a hint, the signed metadata decides.',
        requestBody: { required: true, content: { 'application/json': { schema: ref('UpdateCheck') } } },
        responses: {
          '200': {
            description: 'The updates, or that the answer is the one whose tag was sent.',
            content: { 'application/json': { schema: { oneOf: [ref('Updates'), ref('UpdatesUnchanged')] } } },
          },
          '400': problem('The body is not JSON, or breaks a rule; `fields` says which.'),
          '408': problem('The body came too slowly.'),
          '413': problem(`Over ${UPDATE_CHECK_LIMITS.maxBytes} bytes.`),
          '415': problem('Not application/json, or with a Content-Encoding.'),
          '429': problem('Too many checks from this address.', {
            'Retry-After': { description: 'Seconds to wait.', schema: { type: 'string' } },
          }),
        },
      },
    },
  };
}

/** Its schemas. */
export function updateSchemas(): Json {
  const closed = (properties: Json, optional: readonly string[] = []): Json => ({
    type: 'object',
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    additionalProperties: false,
    properties,
  });
  return {
    UpdateCheck: closed(
      {
        mosis_version: { type: 'string', pattern: SEMVER_PATTERN.source, maxLength: 64 },
        tag: { type: ['string', 'null'], maxLength: 64, description: 'Of the last answer.' },
        apps: {
          type: 'array',
          description: 'What is installed, each app once.',
          minItems: 1,
          maxItems: UPDATE_CHECK_LIMITS.maxApps,
          items: closed({ package_id: packageId, version_code: versionCode, track: { enum: TRACKS } }),
        },
      },
      ['tag'],
    ),
    Updates: closed({
      tag: { type: 'string', description: 'To be sent with the next check.' },
      updates: {
        type: 'array',
        description: 'Of each app the newest first; where it is not for every device, the next follows.',
        items: closed({
          package_id: packageId,
          version_code: versionCode,
          sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
          size: { type: 'integer', description: 'Bytes of the package.' },
          track: { enum: TRACKS, description: 'On which the version is offered.' },
          delta_size: {
            type: ['integer', 'null'],
            description: 'Bytes of the delta from the installed version; null where there is none.',
          },
          kind: { enum: ['update', 'rollback'] },
          known_issue: {
            type: ['string', 'null'],
            description:
              'For an update what its developer notes on it; for a rollback why the installed version is taken back.',
          },
        }),
      },
      gone: { type: 'array', description: 'Apps that are not served now.', items: packageId },
    }),
    UpdatesUnchanged: closed({ unchanged: { const: true }, tag: { type: 'string' } }),
  };
}
