-- AlterTable
ALTER TABLE "rollouts" ADD COLUMN "guard" JSONB;

-- CreateTable
CREATE TABLE "known_issues" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "version_id" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "note" TEXT NOT NULL,
    "created_by_id" TEXT,
    "created_at" DATETIME NOT NULL,
    "updated_at" DATETIME NOT NULL,
    CONSTRAINT "known_issues_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "known_issues_version_id_reason_key" ON "known_issues"("version_id", "reason");
