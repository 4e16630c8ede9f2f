/** Owns the endpoint of the update check: who may ask how often, and the answer over HTTP. */
import { DomainError } from '../../errors.ts';
import type { RateLimit } from '../../http/rate-limit.ts';
import type { Route } from '../../http/router.ts';
import { addressKey } from '../../platform/address.ts';
import { answerUpdateCheck } from './answer.ts';
import { takeUpdateCheck } from './body.ts';
import type { OfferIndex } from './offers.ts';
import type { UpdateCheck } from './scan.ts';

interface UpdateRouteOptions {
  readonly offers: Pick<OfferIndex, 'of' | 'look'>;
  /** By client address, a whole IPv6 /64 as one. */
  readonly rate: RateLimit;
}

/** `POST /v1/updates/check`. */
export function updateRoute({ offers, rate }: UpdateRouteOptions): Route {
  return {
    methods: ['POST'],
    path: '/v1/updates/check',
    writesHead: true,
    handler(request, response, context) {
      const waitSeconds = rate.take(addressKey(context.address));
      if (waitSeconds > 0) {
        throw new DomainError('RATE_LIMITED', 'Your address asks for updates too often. Wait, then ask again.', {
          retryAfterSeconds: waitSeconds,
        });
      }
      const done = (check: UpdateCheck): void => {
        offers.look();
        const body = answerUpdateCheck(check, offers.of);
        response.writeHead(200, [...context.headers, ...HEADERS, 'Content-Length', String(body.length)]);
        // All of it is ASCII, which goes out with the head in one write.
        response.end(body, 'latin1');
      };
      takeUpdateCheck(request, { done, failed: context.failed });
    },
  };
}

const HEADERS = ['Content-Type', 'application/json; charset=utf-8', 'Cache-Control', 'no-store'] as const;
