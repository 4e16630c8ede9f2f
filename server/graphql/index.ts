/** Owns nothing: imports every file that adds types, so that the schema is whole. */
import './base.ts';
import '../accounts/schema.ts';
import '../apps/schema.ts';
import '../apps/schema-mutations.ts';
import '../apps/schema-moderation.ts';
import '../versions/schema.ts';
import '../versions/schema-uploads.ts';
import '../versions/schema-mutations.ts';
import '../rollouts/schema.ts';
import '../rollouts/schema-mutations.ts';
import '../known-issues/schema.ts';
import '../reviews/schema.ts';
import '../reviews/schema-mutations.ts';
import '../reviews/schema-queue.ts';
import '../reviews/schema-policy.ts';
import '../events/schema.ts';
import '../events/schema-subscriptions.ts';
import '../notifications/schema.ts';
import '../notifications/schema-mutations.ts';
import '../store/schema.ts';
import '../reviews/schema-reports.ts';
import '../apps/schema-screenshots.ts';
import '../settings/schema.ts';
import '../versions/schema-review.ts';
import '../telemetry/schema.ts';
import '../telemetry/schema-health.ts';
import '../telemetry/schema-crashes.ts';
import '../telemetry/schema-live.ts';
import '../distribution/schema.ts';
import '../ops/schema.ts';
import '../ops/schema-mutations.ts';
import '../validation/schema.ts';
import { builder } from './builder.ts';
import { describeConnections } from './descriptions.ts';

/** The schema of the whole product. */
export const schema = describeConnections(builder.toSchema());
