-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_uploads" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "developer_id" TEXT NOT NULL,
    "app_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "size" INTEGER NOT NULL,
    "sha256" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'OPEN',
    "token_hash" TEXT NOT NULL,
    "token_expires_at" DATETIME NOT NULL,
    "findings" JSONB NOT NULL,
    "version_id" TEXT,
    "screenshot_id" TEXT,
    "release_notes" TEXT NOT NULL DEFAULT '',
    "via" TEXT NOT NULL DEFAULT 'API',
    "created_at" DATETIME NOT NULL,
    "expires_at" DATETIME NOT NULL,
    "finished_at" DATETIME,
    CONSTRAINT "uploads_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "uploads_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "uploads_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    CONSTRAINT "uploads_screenshot_id_fkey" FOREIGN KEY ("screenshot_id") REFERENCES "screenshots" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);
INSERT INTO "new_uploads" ("app_id", "created_at", "developer_id", "expires_at", "findings", "finished_at", "id", "kind", "release_notes", "sha256", "size", "state", "token_expires_at", "token_hash", "version_id", "via") SELECT "app_id", "created_at", "developer_id", "expires_at", "findings", "finished_at", "id", "kind", "release_notes", "sha256", "size", "state", "token_expires_at", "token_hash", "version_id", "via" FROM "uploads";
DROP TABLE "uploads";
ALTER TABLE "new_uploads" RENAME TO "uploads";
CREATE UNIQUE INDEX "uploads_version_id_key" ON "uploads"("version_id");
CREATE INDEX "uploads_developer_id_state_idx" ON "uploads"("developer_id", "state");
CREATE INDEX "uploads_expires_at_idx" ON "uploads"("expires_at");
CREATE INDEX "uploads_screenshot_id_idx" ON "uploads"("screenshot_id");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;
