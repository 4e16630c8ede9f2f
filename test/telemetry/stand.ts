/** Owns the stand that telemetry's tests use: real files, the real writer thread, a real socket; only the clock is ours. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createRouter } from '../../server/http/router.ts';
import { telemetryThrottles } from '../../server/telemetry/rates.ts';
import { telemetryRoutes } from '../../server/telemetry/routes.ts';
import { openTelemetrySecrets } from '../../server/telemetry/secret.ts';
import { createTelemetry, type TelemetryOptions } from '../../server/telemetry/service.ts';
import { createTestClock } from '../support/clock.ts';

export const APP = { id: '01890000-0000-7000-8000-000000000001', packageId: 'com.example.notes' };
export const START = new Date('2026-01-15T12:00:00.000Z');
export const TODAY = { from: '2026-01-15', to: '2026-01-15' };

/** A device id as a device makes it: 64 hexadecimal digits. */
export function deviceId(n: number): string {
  return n.toString(16).padStart(64, 'd');
}

/** A batch that is all right, to be bent by tests. */
export function batch(n: number, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    batch_id: `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`,
    app_id: APP.packageId,
    app_version: '1.0.0',
    mosis_version: '1.2.0',
    device_id: deviceId(1),
    consent: false,
    sent_at: '2026-01-15T12:00:00Z',
    events: [{ type: 'app_start', at: '2026-01-15T11:59:00Z' }],
    ...changes,
  };
}

/** A crash report after the seed's schema. */
export function crash(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    app_id: APP.packageId,
    app_version: '1.0.0',
    mosis_version: '1.0.0',
    device_id: deviceId(1),
    timestamp: '2026-01-15T10:30:00Z',
    crash_type: 'lua_error',
    message: 'assets/scripts/app.lua:42: attempt to index a nil value',
    stack_trace: "stack traceback:\n\tassets/scripts/app.lua:42: in function 'onClick'\n\t[C]: in ?",
    context: { screen: 'main.rml', memory_mb: 45, uptime_seconds: 120 },
    ...changes,
  };
}

export type Stand = Awaited<ReturnType<typeof createStand>>;

/** Starts a telemetry server on a free port. `restart` closes and opens it over the same files. */
export async function createStand(changes: Partial<TelemetryOptions> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'mosis-telemetry-'));
  const clock = createTestClock(START);
  const log = pino({ level: 'silent' });
  const open = async () =>
    createTelemetry({
      dir: join(dir, 'telemetry'),
      secrets: await openTelemetrySecrets(join(dir, 'keys'), START),
      clock,
      log,
      throttles: telemetryThrottles(clock),
      apps: { resolvePackage: (packageId) => (packageId === APP.packageId ? { id: APP.id } : null) },
      ...changes,
    });
  let telemetry = await open();
  await telemetry.start();
  const listener = () =>
    createRouter({
      routes: telemetryRoutes(telemetry),
      fallback: (_request, response) => {
        response.writeHead(404).end();
      },
      publicUrl: 'http://localhost',
      trustedProxies: [],
      newRequestId: () => crypto.randomUUID(),
      log,
    });
  let handle = listener();
  const server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1/telemetry`;

  return {
    dir,
    clock,
    port,
    url,
    get telemetry() {
      return telemetry;
    },
    async post(path: string, body: unknown): Promise<{ status: number; body: unknown; headers: Headers }> {
      const response = await fetch(`${url}/${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json(), headers: response.headers };
    },
    async send(
      path: string,
      body: BodyInit,
      headers: Record<string, string>,
    ): Promise<{ status: number; body: unknown }> {
      const response = await fetch(`${url}/${path}`, { method: 'POST', headers, body });
      return { status: response.status, body: await response.json() };
    },
    async restart(): Promise<void> {
      await telemetry.stop();
      telemetry = await open();
      await telemetry.start();
      handle = listener();
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await telemetry.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
