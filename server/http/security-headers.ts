/** Owns the headers every answer carries, whatever made it. */
import type { ServerResponse } from 'node:http';

/** Sets the headers that keep browsers strict; HSTS only where the public origin is https. */
export function setSecurityHeaders(response: ServerResponse, publicUrl: string): void {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'same-origin');
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  if (publicUrl.startsWith('https:')) response.setHeader('Strict-Transport-Security', 'max-age=31536000');
}
