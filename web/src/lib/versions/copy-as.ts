// What a page shows, as a command and as a query: everything here can also be asked from outside. Pure.

/** The command that follows this version in a terminal. */
export function versionAsCli(id: string): string {
  return `npx mosis status ${id} --watch`;
}

/** A query for the same version, ready for any GraphQL client. */
export function versionAsGraphql(id: string): string {
  return `query {
  version(id: ${JSON.stringify(id)}) {
    versionName
    versionCode
    state
    queue { position dueAt }
    findings(first: 100) { nodes { code severity message file line } }
    events(first: 100) { cursor type at message }
  }
}
`;
}
