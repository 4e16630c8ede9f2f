/** Owns the OpenAPI 3.1 document of the REST endpoints for devices; its tests hold it against the routes and their answers. */
import { MAX_VERSION_CODE, PACKAGE_ID_PATTERN } from '../../format/manifest-schema.ts';
import { SEMVER_PATTERN } from '../../format/semver.ts';
import { ERROR_CODES } from '../errors.ts';
import { metadataPaths, metadataSchemas } from './openapi-metadata.ts';
import { type Json, problem } from './openapi-parts.ts';
import { telemetryPaths, telemetrySchemas } from './openapi-telemetry.ts';
import { updatePaths, updateSchemas } from './openapi-updates.ts';

const parameter = (name: string, where: 'path' | 'query' | 'header', description: string, schema: Json): Json => ({
  name,
  in: where,
  required: where === 'path',
  description,
  schema,
});
const textHeader = (description: string): Json => ({ description, schema: { type: 'string' } });

const PACKAGE_ID = parameter('packageId', 'path', 'The app, in reverse DNS.', {
  type: 'string',
  pattern: PACKAGE_ID_PATTERN.source,
  minLength: 3,
  maxLength: 128,
});
const VERSION_CODE = parameter('versionCode', 'path', 'The version, by its code.', {
  type: 'integer',
  minimum: 1,
  maximum: MAX_VERSION_CODE,
});
const SHA256 = parameter('sha256', 'path', 'SHA-256 of the package in hexadecimal, as the signed metadata has it.', {
  type: 'string',
  pattern: '^[0-9a-f]{64}$',
});
const IF_NONE_MATCH = parameter('If-None-Match', 'header', 'Entity tags that the device has.', { type: 'string' });
const CACHE = {
  ETag: textHeader('Strong entity tag.'),
  'Cache-Control': textHeader('How long the answer may be kept.'),
};
const NOT_FOUND = problem('It does not exist, or is not public.');
const NOT_MODIFIED = { description: 'The device has it already.', headers: CACHE };
const PACKAGE_HEADERS = {
  ...CACHE,
  ETag: textHeader('The SHA-256 of the file or delta in hexadecimal, quoted.'),
  'Accept-Ranges': textHeader('bytes'),
  'Repr-Digest': textHeader('SHA-256 of the whole file or delta (RFC 9530).'),
  Vary: textHeader('Accept-Encoding, Available-Dictionary'),
  'X-Mosis-Signature': textHeader(
    "The platform's signature over package id, version code, size and SHA-256: `<keyId>.<base64>`.",
  ),
};
const BYTES = { 'application/vnd.mosis.package': { schema: { type: 'string', format: 'binary' } } };

function json(description: string, schema: Json): Json {
  return { description, headers: CACHE, content: { 'application/json': { schema } } };
}

/** The package under one of its two names. */
function packageOperation(operationId: string, summary: string, names: readonly Json[]): Json {
  return {
    operationId,
    summary,
    parameters: [
      ...names,
      IF_NONE_MATCH,
      parameter('Range', 'header', 'One range of bytes; several get the whole file.', { type: 'string' }),
      parameter('If-Range', 'header', 'The entity tag that the part must be of.', { type: 'string' }),
      parameter('Accept-Encoding', 'header', 'With `dcz` and Available-Dictionary, a delta may be the answer.', {
        type: 'string',
      }),
      parameter('Available-Dictionary', 'header', 'SHA-256 of an earlier package of the app, as RFC 9842 writes it.', {
        type: 'string',
        pattern: '^:[A-Za-z0-9+/]{43}=:$',
      }),
    ],
    responses: {
      '200': {
        description:
          'The whole file, with Use-As-Dictionary; or, with Content-Encoding dcz, the delta from the package that the client has.',
        headers: PACKAGE_HEADERS,
        content: BYTES,
      },
      '206': {
        description: 'The asked part.',
        headers: { ...PACKAGE_HEADERS, 'Content-Range': textHeader('`bytes first-last/size`') },
        content: BYTES,
      },
      '304': NOT_MODIFIED,
      '404': NOT_FOUND,
      '416': problem('No byte of the file lies in the range.', { 'Content-Range': textHeader('`bytes */size`') }),
      '429': problem('Too many downloads run for this address.', { 'Retry-After': textHeader('Seconds to wait.') }),
      '503': problem('Too many downloads run.', { 'Retry-After': textHeader('Seconds to wait.') }),
    },
  };
}

const PATHS: Json = {
  '/v1/store/apps/{packageId}/download': {
    get: {
      operationId: 'downloadNewest',
      summary: 'Leads to the newest published version that runs on the device.',
      parameters: [
        PACKAGE_ID,
        parameter('mosis_version', 'query', 'Mosis on the device; left out: the newest version, whatever it needs.', {
          type: 'string',
          pattern: SEMVER_PATTERN.source,
        }),
      ],
      responses: {
        '302': {
          description: 'The immutable address of the package.',
          headers: { Location: textHeader('Path of the package.') },
        },
        '400': problem('mosis_version is no semantic version.'),
        '404': problem('No such app, or none of its versions runs there.'),
      },
    },
  },
  '/v1/packages/{packageId}/{versionCode}/package.mosis': {
    get: packageOperation('downloadPackage', 'The package file, whole or in part. It never changes.', [
      PACKAGE_ID,
      VERSION_CODE,
    ]),
  },
  '/v1/packages/{packageId}/{versionCode}/{sha256}.package.mosis': {
    get: packageOperation(
      'downloadPackageByHash',
      "The same file under the name of the signed metadata's consistent snapshots (TUF).",
      [PACKAGE_ID, VERSION_CODE, SHA256],
    ),
  },
  '/v1/packages/{packageId}/{versionCode}/signature.sig': {
    get: {
      operationId: 'downloadSignature',
      summary: "The developer's signature over the files of the package.",
      parameters: [PACKAGE_ID, VERSION_CODE, IF_NONE_MATCH],
      responses: {
        '200': json('The signature file.', { $ref: '#/components/schemas/PackageSignature' }),
        '304': NOT_MODIFIED,
        '404': NOT_FOUND,
      },
    },
  },
  '/v1/assets/{packageId}/screenshots/{file}': {
    get: {
      operationId: 'downloadScreenshot',
      summary: 'A screenshot of an app, made anew from the pixels of the one that was uploaded.',
      parameters: [
        PACKAGE_ID,
        parameter('file', 'path', 'SHA-256 of its bytes in hexadecimal, and `.png`.', {
          type: 'string',
          pattern: '^[0-9a-f]{64}\\.png$',
        }),
        IF_NONE_MATCH,
      ],
      responses: {
        '200': {
          description: 'The screenshot.',
          headers: CACHE,
          content: { 'image/png': { schema: { type: 'string', format: 'binary' } } },
        },
        '304': NOT_MODIFIED,
        '401': problem('The Authorization header proves nothing.'),
        '404': NOT_FOUND,
      },
    },
  },
  '/v1/assets/{packageId}/{versionCode}/{file}': {
    get: {
      operationId: 'downloadAsset',
      summary: 'An icon, made anew from the pixels of the one in the package.',
      parameters: [
        PACKAGE_ID,
        VERSION_CODE,
        parameter('file', 'path', 'Which icon.', {
          type: 'string',
          enum: ['icon-32.png', 'icon-64.png', 'icon-128.png'],
        }),
        IF_NONE_MATCH,
      ],
      responses: {
        '200': {
          description: 'The icon.',
          headers: CACHE,
          content: { 'image/png': { schema: { type: 'string', format: 'binary' } } },
        },
        '304': NOT_MODIFIED,
        '401': problem('The Authorization header proves nothing.'),
        '404': NOT_FOUND,
      },
    },
  },
  '/v1/keys': {
    get: {
      operationId: 'platformKeys',
      summary: "The platform's public keys.",
      responses: {
        '200': json('The keys.', { $ref: '#/components/schemas/PlatformKeys' }),
        '304': NOT_MODIFIED,
      },
    },
  },
  '/schemas/manifest-v1.json': {
    get: {
      operationId: 'manifestSchema',
      summary: 'JSON Schema of manifest.json.',
      responses: {
        '200': {
          description: 'The schema.',
          headers: CACHE,
          content: { 'application/schema+json': { schema: { type: 'object' } } },
        },
        '304': NOT_MODIFIED,
      },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'openApi',
      summary: 'This document.',
      responses: { '200': json('The document.', { type: 'object' }), '304': NOT_MODIFIED },
    },
  },
};

const strings = (...names: string[]): Json => Object.fromEntries(names.map((name) => [name, { type: 'string' }]));

const SCHEMAS: Json = {
  Problem: {
    description: 'RFC 9457 problem document.',
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'code'],
    properties: {
      ...strings('type', 'title', 'detail', 'reference'),
      status: { type: 'integer' },
      code: { enum: ERROR_CODES },
      fields: {
        type: 'array',
        items: { type: 'object', required: ['path', 'message'], properties: strings('path', 'message') },
      },
    },
  },
  PackageSignature: {
    type: 'object',
    required: ['format', 'keyId', 'publicKey', 'signature'],
    properties: { format: { const: 'mosis-package-v1' }, ...strings('keyId', 'publicKey', 'signature') },
  },
  PlatformKeys: {
    type: 'object',
    required: ['keys'],
    properties: {
      keys: {
        type: 'array',
        items: {
          type: 'object',
          required: ['key_id', 'public_key', 'status'],
          properties: { ...strings('key_id', 'public_key'), status: { enum: ['active'] } },
        },
      },
    },
  },
};

/** The document; `publicUrl` is its one server. */
export function openApiDocument(publicUrl: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mosis for devices',
      version: '1',
      description: 'Downloads and telemetry. Apps are found through the anonymous GraphQL query `store` at /graphql.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: publicUrl }],
    // Devices have no account.
    security: [],
    paths: { ...PATHS, ...metadataPaths(), ...updatePaths(), ...telemetryPaths() },
    components: { schemas: { ...SCHEMAS, ...metadataSchemas(), ...updateSchemas(), ...telemetrySchemas() } },
  };
}
