-- AlterTable
ALTER TABLE "app_versions" ADD COLUMN "bytes_removed_at" DATETIME;
ALTER TABLE "app_versions" ADD COLUMN "metadata_bin" INTEGER;

-- CreateTable
CREATE TABLE "rollouts" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "app_id" TEXT NOT NULL,
    "version_id" TEXT NOT NULL,
    "track" TEXT NOT NULL,
    "seed" TEXT NOT NULL,
    "basis_points" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "paused_by" TEXT,
    "reason" TEXT,
    "schedule" JSONB NOT NULL,
    "started_at" DATETIME NOT NULL,
    "updated_at" DATETIME NOT NULL,
    "finished_at" DATETIME,
    CONSTRAINT "rollouts_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "rollouts_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "rollbacks" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "app_id" TEXT NOT NULL,
    "track" TEXT NOT NULL,
    "from_code" INTEGER NOT NULL,
    "to_version_id" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "restore_data" BOOLEAN NOT NULL,
    "created_by_id" TEXT,
    "created_at" DATETIME NOT NULL,
    CONSTRAINT "rollbacks_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "rollbacks_to_version_id_fkey" FOREIGN KEY ("to_version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "package_deltas" (
    "version_id" TEXT NOT NULL,
    "base_version_id" TEXT NOT NULL,
    "base_sha256" TEXT NOT NULL,
    "size" INTEGER NOT NULL,
    "sha256" TEXT NOT NULL,
    "created_at" DATETIME NOT NULL,

    PRIMARY KEY ("version_id", "base_version_id"),
    CONSTRAINT "package_deltas_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "package_deltas_base_version_id_fkey" FOREIGN KEY ("base_version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "download_counts" (
    "version_id" TEXT NOT NULL,
    "day" TEXT NOT NULL,
    "full" INTEGER NOT NULL DEFAULT 0,
    "delta" INTEGER NOT NULL DEFAULT 0,
    "bytes" BIGINT NOT NULL DEFAULT 0,

    PRIMARY KEY ("version_id", "day"),
    CONSTRAINT "download_counts_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "metadata_files" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "role" TEXT NOT NULL,
    "version" BIGINT NOT NULL,
    "body" TEXT NOT NULL,
    "expires_at" DATETIME NOT NULL,
    "created_at" DATETIME NOT NULL,
    "superseded_at" DATETIME
);

-- CreateTable
CREATE TABLE "crash_group_marks" (
    "app_id" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "resolved_in_code" INTEGER,
    "regressed_at" DATETIME,
    "regressed_in_code" INTEGER,
    "by_id" TEXT,
    "updated_at" DATETIME NOT NULL,

    PRIMARY KEY ("app_id", "fingerprint"),
    CONSTRAINT "crash_group_marks_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "rollouts_app_id_track_started_at_idx" ON "rollouts"("app_id", "track", "started_at");

-- CreateIndex
CREATE INDEX "rollouts_state_idx" ON "rollouts"("state");

-- CreateIndex
CREATE UNIQUE INDEX "rollouts_version_id_track_key" ON "rollouts"("version_id", "track");

-- CreateIndex
CREATE UNIQUE INDEX "rollbacks_app_id_track_from_code_to_version_id_key" ON "rollbacks"("app_id", "track", "from_code", "to_version_id");

-- CreateIndex
CREATE INDEX "package_deltas_created_at_idx" ON "package_deltas"("created_at");

-- CreateIndex
CREATE INDEX "metadata_files_role_version_idx" ON "metadata_files"("role", "version");

-- CreateIndex
CREATE INDEX "metadata_files_superseded_at_idx" ON "metadata_files"("superseded_at");

-- CreateIndex
CREATE INDEX "app_versions_metadata_bin_idx" ON "app_versions"("metadata_bin");

-- What is in the store already is there for everybody.
INSERT INTO "rollouts" ("id", "app_id", "version_id", "track", "seed", "basis_points", "state", "schedule", "started_at", "updated_at", "finished_at")
SELECT "id", "app_id", "id", 'STABLE', lower(hex(randomblob(32))), 10000, 'COMPLETE', '[]', "published_at", "published_at", "published_at"
FROM "app_versions" WHERE "published_at" IS NOT NULL;
