/** Owns the signed metadata's part of the OpenAPI document. What the files hold is docs/DEVICE_PROTOCOL.md §4. */
import { type Json, problem } from './openapi-parts.ts';

const text = (description: string): Json => ({ description, schema: { type: 'string' } });
const HEADERS: Json = {
  ETag: text('Entity tag of the file as it is sent, packed or not.'),
  'Cache-Control': text(
    'How long the answer may be kept: the timestamp is asked for anew each time, the others never change.',
  ),
  Vary: text('Accept-Encoding'),
};

/** The path of the metadata files. */
export function metadataPaths(): Json {
  return {
    '/v1/metadata/{file}': {
      get: {
        operationId: 'downloadMetadata',
        summary: 'A file of the signed metadata (The Update Framework 1.0), packed with gzip where that is accepted.',
        parameters: [
          {
            name: 'file',
            in: 'path',
            required: true,
            description:
              '`timestamp.json`, or `N.` and `root`, `snapshot`, `targets` or a bin, by the number of the version.',
            schema: {
              type: 'string',
              pattern: '^(?:[0-9]{1,15}\\.(?:root|targets|snapshot|bin-[0-9a-f]{1,3})|timestamp)\\.json$',
            },
          },
          {
            name: 'If-None-Match',
            in: 'header',
            required: false,
            description: 'Entity tags that the device has.',
            schema: { type: 'string' },
          },
        ],
        responses: {
          '200': {
            description: 'The file.',
            headers: HEADERS,
            content: { 'application/json': { schema: { $ref: '#/components/schemas/SignedMetadata' } } },
          },
          '304': { description: 'The device has it already.', headers: HEADERS },
          '404': problem('There is no such file.'),
        },
      },
    },
  };
}

/** Its schema. */
export function metadataSchemas(): Json {
  const hex = (digits: number): Json => ({ type: 'string', pattern: `^[0-9a-f]{${digits}}$` });
  const object = (properties: Json): Json => ({ type: 'object', required: Object.keys(properties), properties });
  return {
    SignedMetadata: object({
      signatures: { type: 'array', items: object({ keyid: hex(64), sig: hex(128) }) },
      signed: object({
        _type: { enum: ['root', 'timestamp', 'snapshot', 'targets'] },
        spec_version: { type: 'string', pattern: '^1\\.' },
        version: { type: 'integer', minimum: 1 },
        expires: { type: 'string', format: 'date-time' },
      }),
    }),
  };
}
