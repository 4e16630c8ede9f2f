/** Owns `mosis logout`: ends the session at the server, where it can be reached, and forgets it here in any case. */
import { createClient, payloadOf } from '../client.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../errors.ts';
import { CurrentSessionDocument, RevokeSessionDocument } from '../generated/operations.ts';
import { bold, green, t, yellow } from '../text.ts';

export const logout = defineCommand({
  summary: 'Forget the sign-in of this machine',
  async run(context) {
    const { serverUrl, credentials, env } = context;
    const stored = await credentials.stored(serverUrl);
    const notes = env.MOSIS_TOKEN ? [t`MOSIS_TOKEN is still set; unset it to be signed out here.`] : [];
    if (stored === null)
      return { json: { serverUrl, signedOut: false }, lines: [t`You are not signed in at ${serverUrl}.`], notes };
    const ended = await endSession(createClient({ serverUrl, credential: stored, fetch: context.fetch }));
    await credentials.forget(serverUrl);
    if (ended !== null)
      notes.push(t`${yellow('warning:')} the session was forgotten here, but not ended at the server: ${ended}`);
    return {
      json: { serverUrl, signedOut: true, endedAtServer: ended === null },
      lines: [t`${green('signed out')}  ${bold(stored.email ?? '')} at ${serverUrl}`],
      notes,
    };
  },
});

/** Null when it is ended; else why not. An API key has no session to end: it is revoked in the portal. */
async function endSession(client: ReturnType<typeof createClient>): Promise<string | null> {
  try {
    const { viewer } = await client.request(CurrentSessionDocument, {});
    const current = viewer?.sessions.find((session) => session.current);
    if (current === undefined) return null;
    const { revokeSession } = await client.request(RevokeSessionDocument, { input: { sessionId: current.id } });
    payloadOf(revokeSession, 'RevokeSessionPayload', client);
    return null;
  } catch (error) {
    if (error instanceof CliError)
      return error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN' ? null : error.message;
    throw error;
  }
}
