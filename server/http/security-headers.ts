/** Owns the headers every answer carries, whatever made it. */
import type { ServerResponse } from 'node:http';

/** The headers that keep browsers strict, as names and values in turn; HSTS only where the public origin is https. */
export function securityHeaders(publicUrl: string): readonly string[] {
  return [
    ...['X-Content-Type-Options', 'nosniff'],
    ...['Referrer-Policy', 'same-origin'],
    ...['X-Frame-Options', 'DENY'],
    ...['Cross-Origin-Opener-Policy', 'same-origin'],
    ...(publicUrl.startsWith('https:') ? ['Strict-Transport-Security', 'max-age=31536000'] : []),
  ];
}

/** Sets headers given as names and values in turn. */
export function setHeaders(response: ServerResponse, headers: readonly string[]): void {
  for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at] ?? '', headers[at + 1] ?? '');
}
