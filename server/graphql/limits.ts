/** Owns the numbers that bound every operation before it runs; each refusal names its limit. */

/** Nested fields from the root. The portal's deepest page uses nine. */
export const DEPTH_LIMIT = 12;
/** Points by Pothos' complexity: one a field, times the page size under a list. */
export const COST_LIMIT = 5_000;
export const ALIAS_LIMIT = 15;
export const TOKEN_LIMIT = 2_000;
/** Bytes of a request body or socket message. */
export const MAX_BODY_BYTES = 256 * 1024;
/** Operations in one request. */
export const BATCH_LIMIT = 1;
export const BODY_TIMEOUT_MS = 10_000;
export const EXECUTION_TIMEOUT_MS = 10_000;
/** Open subscriptions on one socket, and sockets of one address. */
export const SUBSCRIPTIONS_PER_SOCKET = 50;
export const SOCKETS_PER_ADDRESS = 200;
