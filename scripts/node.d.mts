/** What programs in TypeScript take from node.mjs. */

/** The flags of Node that the server runs with. */
export const SERVER_FLAGS: readonly string[];
