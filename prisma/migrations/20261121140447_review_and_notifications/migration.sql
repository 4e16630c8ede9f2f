-- AlterTable
ALTER TABLE "developers" ADD COLUMN "mail_events" JSONB;

-- AlterTable
ALTER TABLE "approvals" ADD COLUMN "note" TEXT;

-- CreateTable
CREATE TABLE "rescans" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "state" TEXT NOT NULL,
    "ruleset" TEXT NOT NULL,
    "total" INTEGER NOT NULL,
    "checked" INTEGER NOT NULL DEFAULT 0,
    "flagged" INTEGER NOT NULL DEFAULT 0,
    "crashed" INTEGER NOT NULL DEFAULT 0,
    "after_id" TEXT,
    "started_by_id" TEXT,
    "started_at" DATETIME NOT NULL,
    "finished_at" DATETIME
);

-- CreateTable
CREATE TABLE "rescan_flags" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "rescan_id" TEXT NOT NULL,
    "version_id" TEXT NOT NULL,
    "errors" INTEGER NOT NULL,
    "warnings" INTEGER NOT NULL,
    "findings" JSONB NOT NULL,
    "created_at" DATETIME NOT NULL,
    CONSTRAINT "rescan_flags_rescan_id_fkey" FOREIGN KEY ("rescan_id") REFERENCES "rescans" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "rescan_flags_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "screenshots" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "app_id" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "sha256" TEXT NOT NULL,
    "size" INTEGER NOT NULL,
    "width" INTEGER NOT NULL,
    "height" INTEGER NOT NULL,
    "created_at" DATETIME NOT NULL,
    CONSTRAINT "screenshots_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "event_readers" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "epoch" TEXT NOT NULL,
    "n" BIGINT NOT NULL,
    "updated_at" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "webhooks" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "developer_id" TEXT NOT NULL,
    "app_id" TEXT,
    "url" TEXT NOT NULL,
    "secret_sealed" TEXT NOT NULL,
    "event_types" JSONB NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'ACTIVE',
    "state_reason" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "created_at" DATETIME NOT NULL,
    "updated_at" DATETIME NOT NULL,
    CONSTRAINT "webhooks_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "webhooks_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "webhook_deliveries" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "webhook_id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "event_type" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'PENDING',
    "replay_of" TEXT,
    "created_at" DATETIME NOT NULL,
    "finished_at" DATETIME,
    CONSTRAINT "webhook_deliveries_webhook_id_fkey" FOREIGN KEY ("webhook_id") REFERENCES "webhooks" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "webhook_attempts" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "delivery_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "started_at" DATETIME NOT NULL,
    "duration_ms" INTEGER NOT NULL,
    "status" INTEGER,
    "error" TEXT,
    "answer" TEXT,
    CONSTRAINT "webhook_attempts_delivery_id_fkey" FOREIGN KEY ("delivery_id") REFERENCES "webhook_deliveries" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_reviews" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "version_id" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "serial" INTEGER NOT NULL DEFAULT 1,
    "approvals_needed" INTEGER NOT NULL DEFAULT 1,
    "state" TEXT NOT NULL,
    "reasons" JSONB NOT NULL,
    "queued_at" DATETIME NOT NULL,
    "due_at" DATETIME NOT NULL,
    "claim_id" TEXT,
    "claimed_by_id" TEXT,
    "claimed_at" DATETIME,
    "lease_expires_at" DATETIME,
    "decided_by_id" TEXT,
    "decision" TEXT,
    "feedback" TEXT,
    "policy_refs" JSONB NOT NULL,
    "decided_at" DATETIME,
    CONSTRAINT "reviews_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "reviews_claimed_by_id_fkey" FOREIGN KEY ("claimed_by_id") REFERENCES "developers" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    CONSTRAINT "reviews_decided_by_id_fkey" FOREIGN KEY ("decided_by_id") REFERENCES "developers" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);
INSERT INTO "new_reviews" ("claim_id", "claimed_at", "claimed_by_id", "decided_at", "decided_by_id", "decision", "due_at", "feedback", "id", "kind", "lease_expires_at", "policy_refs", "queued_at", "reasons", "round", "state", "version_id") SELECT "claim_id", "claimed_at", "claimed_by_id", "decided_at", "decided_by_id", "decision", "due_at", "feedback", "id", "kind", "lease_expires_at", "policy_refs", "queued_at", "reasons", "round", "state", "version_id" FROM "reviews";
DROP TABLE "reviews";
ALTER TABLE "new_reviews" RENAME TO "reviews";
CREATE INDEX "reviews_state_decided_at_idx" ON "reviews"("state", "decided_at");
CREATE INDEX "reviews_state_due_at_id_idx" ON "reviews"("state", "due_at", "id");
CREATE UNIQUE INDEX "reviews_version_id_round_kind_serial_key" ON "reviews"("version_id", "round", "kind", "serial");
CREATE TABLE "new_reports" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "app_id" TEXT NOT NULL,
    "version_id" TEXT,
    "reporter_id" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "body" TEXT NOT NULL DEFAULT '',
    "state" TEXT NOT NULL DEFAULT 'OPEN',
    "created_at" DATETIME NOT NULL,
    "decided_by_id" TEXT,
    "decision_note" TEXT,
    "decided_at" DATETIME,
    CONSTRAINT "reports_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "reports_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    CONSTRAINT "reports_reporter_id_fkey" FOREIGN KEY ("reporter_id") REFERENCES "developers" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "reports_decided_by_id_fkey" FOREIGN KEY ("decided_by_id") REFERENCES "developers" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);
INSERT INTO "new_reports" ("app_id", "body", "created_at", "decided_at", "id", "reason", "reporter_id", "state") SELECT "app_id", "body", "created_at", "decided_at", "id", "reason", "reporter_id", "state" FROM "reports";
DROP TABLE "reports";
ALTER TABLE "new_reports" RENAME TO "reports";
CREATE INDEX "reports_state_created_at_idx" ON "reports"("state", "created_at");
CREATE INDEX "reports_reporter_id_created_at_idx" ON "reports"("reporter_id", "created_at");
CREATE UNIQUE INDEX "reports_app_id_reporter_id_key" ON "reports"("app_id", "reporter_id");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;

-- CreateIndex
CREATE INDEX "rescans_started_at_idx" ON "rescans"("started_at");

-- CreateIndex
CREATE INDEX "rescan_flags_version_id_created_at_idx" ON "rescan_flags"("version_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "rescan_flags_rescan_id_version_id_key" ON "rescan_flags"("rescan_id", "version_id");

-- CreateIndex
CREATE INDEX "screenshots_app_id_position_idx" ON "screenshots"("app_id", "position");

-- CreateIndex
CREATE UNIQUE INDEX "screenshots_app_id_sha256_key" ON "screenshots"("app_id", "sha256");

-- CreateIndex
CREATE INDEX "webhooks_developer_id_idx" ON "webhooks"("developer_id");

-- CreateIndex
CREATE INDEX "webhooks_app_id_idx" ON "webhooks"("app_id");

-- CreateIndex
CREATE INDEX "webhook_deliveries_webhook_id_created_at_idx" ON "webhook_deliveries"("webhook_id", "created_at");

-- CreateIndex
CREATE INDEX "webhook_deliveries_created_at_idx" ON "webhook_deliveries"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_deliveries_webhook_id_key_key" ON "webhook_deliveries"("webhook_id", "key");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_attempts_delivery_id_number_key" ON "webhook_attempts"("delivery_id", "number");
