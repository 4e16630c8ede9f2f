/** Owns the parsing of what comes into the account services: bounds, normal forms, messages. It looks nothing up. */
import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { DomainError } from '../errors.ts';
import { API_KEY_SCOPES } from './viewer.ts';

const MAX_EMAIL_CHARS = 254;
const MAX_LOCAL_CHARS = 64;
const MAX_NAME_CHARS = 80;
/** Longer than any accepted password in any normal form; longer texts are refused unread. */
const MAX_PASSWORD_INPUT_CHARS = 1_024;

/** Printable characters but those that e-mail needs quoted; no marks that turn the direction of text. */
const LOCAL_PART = /^[^\s\p{C}"(),:;<>@[\\\]]+$/u;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/;
const PLAIN_TEXT = /^[^\p{C}\p{Zl}\p{Zp}]+$/u;

/** The form in which an address is stored and looked up: NFC, lower case, an international domain in its ASCII form; null when it is none. */
export function normaliseEmail(text: string): string | null {
  const trimmed = text.trim().normalize('NFC').toLowerCase();
  const at = trimmed.lastIndexOf('@');
  if (at < 1 || trimmed.length > MAX_EMAIL_CHARS) return null;
  const local = trimmed.slice(0, at);
  const domain = domainToASCII(trimmed.slice(at + 1));
  if (local.length > MAX_LOCAL_CHARS || !LOCAL_PART.test(local) || !DOMAIN.test(domain)) return null;
  const email = `${local}@${domain}`;
  return email.length <= MAX_EMAIL_CHARS ? email : null;
}

const email = z
  .string()
  .max(1_024)
  .transform((text, context) => {
    const normalised = normaliseEmail(text);
    if (normalised !== null) return normalised;
    context.addIssue('This is no e-mail address. Write it like name@example.org.');
    return z.NEVER;
  });

/** A short text in one line, as people name things. */
function shortText(what: string, maxChars: number) {
  return z
    .string()
    .max(maxChars * 8, `${what} has at most ${maxChars} characters.`)
    .transform((text) => text.normalize('NFC').trim().replace(/\s+/g, ' '))
    .refine((text) => text.length > 0, `${what} is missing.`)
    .refine((text) => [...text].length <= maxChars, `${what} has at most ${maxChars} characters.`)
    .refine((text) => text === '' || PLAIN_TEXT.test(text), `${what} holds invisible or control characters.`);
}

const password = z.string().max(MAX_PASSWORD_INPUT_CHARS, 'A password has at most 128 characters.');
const id = z.string().min(1).max(64);
const reason = shortText('The reason', 500);

export const signUpInput = z.object({ email, name: shortText('The name', MAX_NAME_CHARS), password });
/** Whatever stands for an address here is tried as it is, so that a wrong form answers like a wrong password. */
export const signInInput = z.object({
  email: z
    .string()
    .max(1_024)
    .transform((text) => normaliseEmail(text) ?? text.trim().toLowerCase().slice(0, MAX_EMAIL_CHARS)),
  password,
});
export const completeSetupInput = signUpInput.extend({ token: z.string().trim().max(256) });
export const changePasswordInput = z.object({ currentPassword: password, newPassword: password });
export const updateProfileInput = z.object({ name: shortText('The name', MAX_NAME_CHARS) });
export const revokeSessionInput = z.object({ sessionId: id });

export const createApiKeyInput = z.object({
  name: shortText('The name', MAX_NAME_CHARS),
  scopes: z
    .array(z.enum(API_KEY_SCOPES))
    .min(1, 'Choose at least one scope.')
    .max(20)
    .transform((scopes) => API_KEY_SCOPES.filter((scope) => scopes.includes(scope))),
  appId: id.nullish().transform((value) => value ?? null),
  expiresAt: z
    .date()
    .nullish()
    .transform((value) => value ?? null),
});
export const revokeApiKeyInput = z.object({ apiKeyId: id });

export const registerSigningKeyInput = z.object({
  name: shortText('The name', MAX_NAME_CHARS),
  publicKey: z.string().min(1, 'The public key is missing.').max(4_096, 'This is too long for a public key.'),
});
export const endSigningKeyInput = z.object({
  signingKeyId: id,
  ending: z.enum(['RETIRED', 'COMPROMISED']),
  since: z
    .date()
    .nullish()
    .transform((value) => value ?? null),
});

export const startDeviceLoginInput = z.object({
  clientName: shortText('The client name', 60),
  host: shortText('The host name', 120),
});
export const confirmDeviceLoginInput = z.object({ userCode: z.string().max(64), approve: z.boolean() });
export const pollDeviceLoginInput = z.object({ deviceCode: z.string().max(128) });

export const setRolesInput = z.object({ developerId: id, reviewer: z.boolean(), admin: z.boolean() });
export const suspendAccountInput = z.object({ developerId: id, reason });
export const reinstateAccountInput = z.object({
  developerId: id,
  reason: reason.nullish().transform((value) => value ?? null),
});

/** The parsed input. Throws VALIDATION that names every field at fault, as `input.<field>`. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path, message }) => ({ path: ['input', ...path].join('.'), message }));
  throw new DomainError('VALIDATION', fields[0]?.message ?? 'The input is not valid.', { fields });
}
