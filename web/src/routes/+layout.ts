// The portal is a single-page app: nothing is rendered on the server.
export const ssr = false;
export const prerender = false;
