/** Owns the REST endpoints that devices send telemetry to. What a body means is the service's business. */
import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Route, RouteHandler } from '../http/router.ts';
import { createSeats } from '../http/seats.ts';
import { addressKey } from '../platform/address.ts';
import { readBytes, readJson, type SlowSeat } from './body.ts';
import { TELEMETRY_LIMITS } from './limits.ts';
import type { Telemetry } from './service.ts';

type Take<Body> = (body: Body, address: string) => Promise<string>;

/** The routes; failures are thrown as DomainErrors, which the router answers as problem documents. */
export function telemetryRoutes(telemetry: Telemetry): Route[] {
  const seats = createSeats({
    most: TELEMETRY_LIMITS.maxSlowBodies,
    mostPerKey: TELEMETRY_LIMITS.maxSlowBodiesPerAddress,
  });
  const ingest =
    <Body>(read: (request: IncomingMessage, seat: SlowSeat) => Promise<Body>, take: Take<Body>): RouteHandler =>
    async (request, response, context) => {
      const key = addressKey(context.address);
      telemetry.admit(context.address);
      const body = await read(request, () => seats.take(key));
      sendJson(response, 202, await take(body, context.address));
    };
  return [
    { methods: ['POST'], path: '/v1/telemetry/events', handler: ingest(readBytes, telemetry.ingestBytes) },
    { methods: ['POST'], path: '/v1/telemetry/crash', handler: ingest(readJson, telemetry.ingestCrash) },
    {
      methods: ['POST'],
      path: '/v1/telemetry/device-requests',
      handler: async (request, response, context) => {
        const key = addressKey(context.address);
        telemetry.admitDeviceRequest(context.address);
        const body = await readJson(request, () => seats.take(key));
        sendJson(response, 202, JSON.stringify(await telemetry.requestDeviceData(body)));
      },
    },
    {
      methods: ['POST'],
      path: '/v1/telemetry/device-requests/result',
      handler: async (request, response, context) => {
        const key = addressKey(context.address);
        telemetry.admit(context.address);
        const result = telemetry.deviceRequestResult(await readJson(request, () => seats.take(key)));
        if (result.state === 'running') sendJson(response, 202, JSON.stringify({ state: 'running' }));
        else if (result.state === 'erased') {
          sendJson(
            response,
            200,
            JSON.stringify({ state: 'done', action: 'erase', events_removed: result.eventsRemoved }),
          );
        } else await sendExport(response, result.path);
      },
    },
  ];
}

function sendJson(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}

async function sendExport(response: ServerResponse, path: string): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' });
  await pipeline(createReadStream(path), response);
}
