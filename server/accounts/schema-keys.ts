/** Owns the mutations on API keys and signing keys. Rules are in the service. */
import { builder } from '../graphql/builder.ts';
import type { ApiKeyView } from './api-keys.ts';
import { ApiKeyScopeEnum, ApiKeyType, SigningKeyType } from './schema-key-types.ts';
import type { SigningKeyView } from './signing-keys.ts';

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  description: 'A new API key.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What to call it, at most 80 characters.' }),
    scopes: t.field({ type: [ApiKeyScopeEnum], required: true, description: 'What it may do; at least one.' }),
    appId: t.globalID({ description: 'The one app that it is for; left out, it is for all.' }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'When it ends, at most 366 days from now; left out, after 90 days.',
    }),
  }),
});
const CreateApiKeyPayload = builder
  .objectRef<{ readonly apiKey: ApiKeyView; readonly secret: string }>('CreateApiKeyPayload')
  .implement({
    description: 'The new key.',
    fields: (t) => ({
      apiKey: t.expose('apiKey', { type: ApiKeyType, description: 'The key without its secret.' }),
      secret: t.exposeString('secret', { description: 'The key itself, shown this once.' }),
    }),
  });
builder.mutationField('createApiKey', (t) =>
  t.field({
    type: CreateApiKeyPayload,
    errors: {},
    description: 'Makes an API key. Not through an API key. Errors: LIMIT_REACHED.',
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) =>
      services.accounts.apiKeys.create(viewer, { ...input, appId: input.appId?.id ?? null }, caller),
  }),
);

const RevokeApiKeyInput = builder.inputType('RevokeApiKeyInput', {
  description: 'One API key of the viewer.',
  fields: (t) => ({ apiKeyId: t.globalID({ for: ApiKeyType, required: true, description: 'Which key.' }) }),
});
const RevokeApiKeyPayload = builder.objectRef<{ readonly apiKey: ApiKeyView }>('RevokeApiKeyPayload').implement({
  description: 'The key works no longer.',
  fields: (t) => ({ apiKey: t.expose('apiKey', { type: ApiKeyType, description: 'The key as it is now.' }) }),
});
builder.mutationField('revokeApiKey', (t) =>
  t.field({
    type: RevokeApiKeyPayload,
    errors: {},
    description: 'Ends an API key at once. Not through an API key.',
    args: { input: t.arg({ type: RevokeApiKeyInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) =>
      services.accounts.apiKeys.revoke(viewer, { apiKeyId: input.apiKeyId.id }, caller),
  }),
);

/** The payload of everything that answers with one signing key. */
function signingKeyPayload(name: string, description: string) {
  return builder.objectRef<{ readonly signingKey: SigningKeyView }>(name).implement({
    description,
    fields: (t) => ({
      signingKey: t.expose('signingKey', { type: SigningKeyType, description: 'The key as it is now.' }),
    }),
  });
}

const RegisterSigningKeyInput = builder.inputType('RegisterSigningKeyInput', {
  description: 'The public half of a signing key.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What to call it, at most 80 characters.' }),
    publicKey: t.string({
      required: true,
      description: 'An Ed25519 public key: SPKI in PEM, or base64 of the raw 32 bytes.',
    }),
  }),
});
builder.mutationField('registerSigningKey', (t) =>
  t.field({
    type: signingKeyPayload('RegisterSigningKeyPayload', 'The key can sign.'),
    errors: {},
    description: 'Registers a signing key. Not through an API key. Errors: KEY_INVALID, KEY_TAKEN, LIMIT_REACHED.',
    args: { input: t.arg({ type: RegisterSigningKeyInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) =>
      services.accounts.signingKeys.register(viewer, input, caller),
  }),
);

const SigningKeyEndingEnum = builder.enumType('SigningKeyEnding', {
  description: 'Why a signing key ends.',
  values: {
    RETIRED: { description: 'It signs nothing new; what it signed stays.' },
    COMPROMISED: { description: 'Somebody else may have it: what was submitted with it since then is taken back.' },
  },
});
const EndSigningKeyInput = builder.inputType('EndSigningKeyInput', {
  description: 'The end of a signing key.',
  fields: (t) => ({
    signingKeyId: t.globalID({ for: SigningKeyType, required: true, description: 'Which key.' }),
    ending: t.field({ type: SigningKeyEndingEnum, required: true, description: 'Why it ends.' }),
    since: t.field({
      type: 'DateTime',
      description: 'Since when it is compromised; left out, since it was registered. Only with COMPROMISED.',
    }),
  }),
});
builder.mutationField('endSigningKey', (t) =>
  t.field({
    type: signingKeyPayload('EndSigningKeyPayload', 'The key has ended.'),
    errors: {},
    description: 'Ends a signing key; there is no way back. Not through an API key. Errors: KEY_ENDED.',
    args: { input: t.arg({ type: EndSigningKeyInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) =>
      services.accounts.signingKeys.end(viewer, { ...input, signingKeyId: input.signingKeyId.id }, caller),
  }),
);
