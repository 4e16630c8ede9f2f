/** Owns the mutations that sign people in and out and change their own account. Rules are in the service. */
import { builder } from '../graphql/builder.ts';
import type { DeviceLoginRequest, PolledDeviceLogin, StartedDeviceLogin } from './device-login.ts';
import { DeviceLoginRequestType, DeviceLoginStateEnum, markCurrent, SessionType, ViewerType } from './schema-types.ts';
import type { SessionView } from './sessions.ts';
import type { DeveloperViewer } from './viewer.ts';

/** The payload of everything that answers with the viewer. */
function viewerPayload(name: string, description: string) {
  return builder.objectRef<{ readonly viewer: DeveloperViewer }>(name).implement({
    description,
    fields: (t) => ({ viewer: t.expose('viewer', { type: ViewerType, description: 'The viewer from now on.' }) }),
  });
}

const SignUpInput = builder.inputType('SignUpInput', {
  description: 'A new account.',
  fields: (t) => ({
    email: t.string({ required: true, description: 'What signs in.' }),
    name: t.string({ required: true, description: 'The name shown to others, at most 80 characters.' }),
    password: t.string({ required: true, description: '8 to 128 characters; common ones are refused.' }),
  }),
});
builder.mutationField('signUp', (t) =>
  t.field({
    type: viewerPayload('SignUpPayload', 'The new account is signed in.'),
    errors: {},
    description: 'Makes an account and signs it in; sets the cookie. Errors: EMAIL_TAKEN, PASSWORD_REFUSED.',
    args: { input: t.arg({ type: SignUpInput, required: true, description: 'Input.' }) },
    resolve: async (_, { input }, { services, caller, cookies }) => {
      const signedIn = await services.accounts.signUp(input, caller);
      cookies.set(signedIn.cookie);
      return signedIn;
    },
  }),
);

const SignInInput = builder.inputType('SignInInput', {
  description: 'Proof of an account.',
  fields: (t) => ({
    email: t.string({ required: true, description: 'The e-mail address.' }),
    password: t.string({ required: true, description: 'The password.' }),
  }),
});
builder.mutationField('signIn', (t) =>
  t.field({
    type: viewerPayload('SignInPayload', 'The account is signed in.'),
    errors: {},
    description: 'Signs in; sets the cookie. Errors: BAD_CREDENTIALS, ACCOUNT_SUSPENDED.',
    args: { input: t.arg({ type: SignInInput, required: true, description: 'Input.' }) },
    resolve: async (_, { input }, { viewer, services, caller, cookies }) => {
      const signedIn = await services.accounts.signIn(viewer, input, caller);
      cookies.set(signedIn.cookie);
      return signedIn;
    },
  }),
);

const SignOutPayload = builder.objectRef<{ readonly ok: boolean }>('SignOutPayload').implement({
  description: 'The session has ended.',
  fields: (t) => ({ ok: t.exposeBoolean('ok', { description: 'Always true.' }) }),
});
builder.mutationField('signOut', (t) =>
  t.field({
    type: SignOutPayload,
    errors: {},
    description: 'Ends the session that the viewer came with and clears the cookie. Does nothing for a visitor.',
    resolve: async (_, _args, { viewer, services, caller, cookies }) => {
      const { cookie } = await services.accounts.signOut(viewer, caller);
      cookies.set(cookie);
      return { ok: true };
    },
  }),
);

const CompleteSetupInput = builder.inputType('CompleteSetupInput', {
  description: 'The first admin of an installation.',
  fields: (t) => ({
    token: t.string({ required: true, description: 'What is in the file setup-token of the data folder.' }),
    email: t.string({ required: true, description: 'What signs in.' }),
    name: t.string({ required: true, description: 'The name shown to others, at most 80 characters.' }),
    password: t.string({ required: true, description: '8 to 128 characters; common ones are refused.' }),
  }),
});
builder.mutationField('completeSetup', (t) =>
  t.field({
    type: viewerPayload('CompleteSetupPayload', 'The first admin is signed in.'),
    errors: {},
    description: 'Makes the first admin, once. Errors: SETUP_TOKEN_WRONG, SETUP_DONE, EMAIL_TAKEN, PASSWORD_REFUSED.',
    args: { input: t.arg({ type: CompleteSetupInput, required: true, description: 'Input.' }) },
    resolve: async (_, { input }, { services, caller, cookies }) => {
      const signedIn = await services.accounts.setup.complete(input, caller);
      cookies.set(signedIn.cookie);
      return signedIn;
    },
  }),
);

const ChangePasswordInput = builder.inputType('ChangePasswordInput', {
  description: 'Another password.',
  fields: (t) => ({
    currentPassword: t.string({ required: true, description: 'The password until now.' }),
    newPassword: t.string({ required: true, description: '8 to 128 characters; common ones are refused.' }),
  }),
});
builder.mutationField('changePassword', (t) =>
  t.field({
    type: viewerPayload('ChangePasswordPayload', 'The password has changed, and every other session has ended.'),
    errors: {},
    description:
      'Changes the password and ends every other session. Only in the portal. Errors: BAD_CREDENTIALS, PASSWORD_REFUSED.',
    args: { input: t.arg({ type: ChangePasswordInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) => services.accounts.changePassword(viewer, input, caller),
  }),
);

const UpdateProfileInput = builder.inputType('UpdateProfileInput', {
  description: 'What others see of the account.',
  fields: (t) => ({ name: t.string({ required: true, description: 'The name, at most 80 characters.' }) }),
});
builder.mutationField('updateProfile', (t) =>
  t.field({
    type: viewerPayload('UpdateProfilePayload', 'The profile has changed.'),
    errors: {},
    description: 'Changes the name of the account.',
    args: { input: t.arg({ type: UpdateProfileInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) => services.accounts.updateProfile(viewer, input, caller),
  }),
);

const RevokeSessionInput = builder.inputType('RevokeSessionInput', {
  description: 'One session of the viewer.',
  fields: (t) => ({ sessionId: t.globalID({ for: SessionType, required: true, description: 'Which session.' }) }),
});
const RevokeSessionPayload = builder.objectRef<{ readonly sessions: SessionView[] }>('RevokeSessionPayload').implement({
  description: 'The session has ended.',
  fields: (t) => ({
    sessions: t.field({
      type: [SessionType],
      description: 'The sessions that are left.',
      resolve: ({ sessions }, _, { viewer }) => markCurrent(sessions, viewer),
    }),
  }),
});
builder.mutationField('revokeSession', (t) =>
  t.field({
    type: RevokeSessionPayload,
    errors: {},
    description: 'Ends one session at once.',
    args: { input: t.arg({ type: RevokeSessionInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) =>
      services.accounts.revokeSession(viewer, { sessionId: input.sessionId.id }, caller),
  }),
);

const StartDeviceLoginInput = builder.inputType('StartDeviceLoginInput', {
  description: 'Who asks to be signed in.',
  fields: (t) => ({
    clientName: t.string({ required: true, description: 'Name and version of the client, at most 60 characters.' }),
    host: t.string({ required: true, description: 'The machine it runs on, at most 120 characters.' }),
  }),
});
const StartDeviceLoginPayload = builder.objectRef<StartedDeviceLogin>('StartDeviceLoginPayload').implement({
  description: 'What the client polls with and what the person types.',
  fields: (t) => ({
    deviceCode: t.exposeString('deviceCode', { description: 'Secret: what the client polls with.' }),
    userCode: t.exposeString('userCode', { description: 'What the person types, as XXXX-XXXX.' }),
    verificationUrl: t.expose('verificationUrl', { type: 'URL', description: 'Where to type it; carries no code.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Until when it can be confirmed.' }),
    intervalSeconds: t.exposeInt('intervalSeconds', { description: 'Poll at most this often.' }),
  }),
});
builder.mutationField('startDeviceLogin', (t) =>
  t.field({
    type: StartDeviceLoginPayload,
    errors: {},
    description: 'Begins to sign in a command line; for anybody.',
    args: { input: t.arg({ type: StartDeviceLoginInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { services, caller }) => services.accounts.deviceLogins.start(input, caller),
  }),
);

const ConfirmDeviceLoginInput = builder.inputType('ConfirmDeviceLoginInput', {
  description: 'The decision on a device sign-in.',
  fields: (t) => ({
    userCode: t.string({ required: true, description: 'The code as typed.' }),
    approve: t.boolean({ required: true, description: 'False refuses it.' }),
  }),
});
const ConfirmDeviceLoginPayload = builder
  .objectRef<{ readonly request: DeviceLoginRequest }>('ConfirmDeviceLoginPayload')
  .implement({
    description: 'The device sign-in is decided.',
    fields: (t) => ({
      request: t.expose('request', { type: DeviceLoginRequestType, description: 'The request as it is now.' }),
    }),
  });
builder.mutationField('confirmDeviceLogin', (t) =>
  t.field({
    type: ConfirmDeviceLoginPayload,
    errors: {},
    description: 'Confirms or refuses a device sign-in, once. Only in the portal. Errors: DEVICE_CODE_UNKNOWN.',
    args: { input: t.arg({ type: ConfirmDeviceLoginInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { viewer, services, caller }) =>
      services.accounts.deviceLogins.confirm(viewer, input, caller),
  }),
);

const PollDeviceLoginInput = builder.inputType('PollDeviceLoginInput', {
  description: 'Which device sign-in.',
  fields: (t) => ({ deviceCode: t.string({ required: true, description: 'The secret code from startDeviceLogin.' }) }),
});
const PollDeviceLoginPayload = builder.objectRef<PolledDeviceLogin>('PollDeviceLoginPayload').implement({
  description: 'What became of the device sign-in.',
  fields: (t) => ({
    state: t.expose('state', { type: DeviceLoginStateEnum, description: 'Poll on while it is PENDING.' }),
    token: t.string({
      nullable: true,
      description: 'The CLI session, given once; null unless CONFIRMED.',
      resolve: ({ token }) => token,
    }),
    viewer: t.field({
      type: ViewerType,
      nullable: true,
      description: 'Who is signed in; null unless CONFIRMED.',
      resolve: ({ viewer }) => viewer,
    }),
  }),
});
builder.mutationField('pollDeviceLogin', (t) =>
  t.field({
    type: PollDeviceLoginPayload,
    errors: {},
    description:
      'Asks what became of a device sign-in; exactly one poll gets the token. Errors: SLOW_DOWN, DEVICE_CODE_UNKNOWN.',
    args: { input: t.arg({ type: PollDeviceLoginInput, required: true, description: 'Input.' }) },
    resolve: (_, { input }, { services, caller }) => services.accounts.deviceLogins.poll(input, caller),
  }),
);
