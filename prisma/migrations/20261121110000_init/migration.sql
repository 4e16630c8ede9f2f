-- CreateTable
CREATE TABLE "developers" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "email" TEXT NOT NULL,
    "email_verified_at" DATETIME,
    "name" TEXT NOT NULL,
    "password_hash" TEXT,
    "reviewer" BOOLEAN NOT NULL DEFAULT false,
    "admin" BOOLEAN NOT NULL DEFAULT false,
    "status" TEXT NOT NULL DEFAULT 'ACTIVE',
    "status_reason" TEXT,
    "created_at" DATETIME NOT NULL,
    "updated_at" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "sessions" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "developer_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL DEFAULT 'PORTAL',
    "label" TEXT,
    "ip" TEXT,
    "user_agent" TEXT,
    "created_at" DATETIME NOT NULL,
    "last_used_at" DATETIME NOT NULL,
    "expires_at" DATETIME NOT NULL,
    "absolute_expires_at" DATETIME NOT NULL,
    "public_id" TEXT NOT NULL,
    CONSTRAINT "sessions_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "api_keys" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "developer_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "key_hash" TEXT NOT NULL,
    "key_prefix" TEXT NOT NULL,
    "scopes" JSONB NOT NULL,
    "app_id" TEXT,
    "last_used_at" DATETIME,
    "expires_at" DATETIME,
    "revoked_at" DATETIME,
    "created_at" DATETIME NOT NULL,
    CONSTRAINT "api_keys_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "api_keys_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "signing_keys" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "developer_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "key_id" TEXT NOT NULL,
    "public_key" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'ACTIVE',
    "compromised_since" DATETIME,
    "ended_at" DATETIME,
    "created_at" DATETIME NOT NULL,
    CONSTRAINT "signing_keys_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "oauth_accounts" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "developer_id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "created_at" DATETIME NOT NULL,
    CONSTRAINT "oauth_accounts_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "passkeys" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "developer_id" TEXT NOT NULL,
    "credential_id" TEXT NOT NULL,
    "public_key" TEXT NOT NULL,
    "counter" INTEGER NOT NULL DEFAULT 0,
    "name" TEXT NOT NULL,
    "last_used_at" DATETIME,
    "created_at" DATETIME NOT NULL,
    CONSTRAINT "passkeys_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "email_tokens" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "developer_id" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "expires_at" DATETIME NOT NULL,
    "used_at" DATETIME,
    CONSTRAINT "email_tokens_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "device_logins" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "device_code_hash" TEXT NOT NULL,
    "user_code_hash" TEXT NOT NULL,
    "client_name" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "ip" TEXT,
    "state" TEXT NOT NULL DEFAULT 'PENDING',
    "developer_id" TEXT,
    "last_polled_at" DATETIME,
    "expires_at" DATETIME NOT NULL,
    "created_at" DATETIME NOT NULL,
    CONSTRAINT "device_logins_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "apps" (
    "row_id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "id" TEXT NOT NULL,
    "developer_id" TEXT NOT NULL,
    "package_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "summary" TEXT NOT NULL DEFAULT '',
    "description" TEXT NOT NULL DEFAULT '',
    "category" TEXT,
    "tags" JSONB NOT NULL,
    "tag_text" TEXT NOT NULL DEFAULT '',
    "homepage" TEXT,
    "status" TEXT NOT NULL DEFAULT 'DRAFT',
    "status_reason" TEXT,
    "latest_version_id" TEXT,
    "first_published_at" DATETIME,
    "last_published_at" DATETIME,
    "highest_code" INTEGER NOT NULL DEFAULT 0,
    "created_at" DATETIME NOT NULL,
    "updated_at" DATETIME NOT NULL,
    CONSTRAINT "apps_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "apps_latest_version_id_fkey" FOREIGN KEY ("latest_version_id") REFERENCES "app_versions" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "app_members" (
    "app_id" TEXT NOT NULL,
    "developer_id" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "created_at" DATETIME NOT NULL,

    PRIMARY KEY ("app_id", "developer_id"),
    CONSTRAINT "app_members_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "app_members_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "pin_links" (
    "app_id" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,
    "key_ids" JSONB NOT NULL,
    "signer_key_id" TEXT NOT NULL,
    "public_key" TEXT NOT NULL,
    "signature" TEXT NOT NULL,
    "recovered" BOOLEAN NOT NULL DEFAULT false,
    "created_at" DATETIME NOT NULL,

    PRIMARY KEY ("app_id", "serial"),
    CONSTRAINT "pin_links_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "app_versions" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "app_id" TEXT NOT NULL,
    "version_code" INTEGER NOT NULL,
    "version_name" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "round" INTEGER NOT NULL DEFAULT 0,
    "claimed_code" INTEGER,
    "package_size" INTEGER NOT NULL,
    "package_sha256" TEXT NOT NULL,
    "unpacked_size" INTEGER NOT NULL,
    "manifest" JSONB NOT NULL,
    "permissions" JSONB NOT NULL,
    "min_mosis_version" TEXT NOT NULL,
    "signature" TEXT,
    "signer_key_id" TEXT,
    "signer_public_key" TEXT,
    "platform_signature" TEXT,
    "release_notes" TEXT NOT NULL DEFAULT '',
    "review_reasons" JSONB NOT NULL,
    "state_reason" TEXT,
    "appealed" BOOLEAN NOT NULL DEFAULT false,
    "uploaded_by_id" TEXT NOT NULL,
    "created_at" DATETIME NOT NULL,
    "updated_at" DATETIME NOT NULL,
    "submitted_at" DATETIME,
    "decided_at" DATETIME,
    "published_at" DATETIME,
    CONSTRAINT "app_versions_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "version_files" (
    "version_id" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "size" INTEGER NOT NULL,
    "sha256" TEXT NOT NULL,

    PRIMARY KEY ("version_id", "path"),
    CONSTRAINT "version_files_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "check_runs" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "version_id" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "check" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "errors" INTEGER NOT NULL DEFAULT 0,
    "warnings" INTEGER NOT NULL DEFAULT 0,
    "notices" INTEGER NOT NULL DEFAULT 0,
    "ruleset" TEXT NOT NULL,
    "started_at" DATETIME NOT NULL,
    "finished_at" DATETIME,
    CONSTRAINT "check_runs_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "findings" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "version_id" TEXT NOT NULL,
    "check_run_id" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "code" TEXT NOT NULL,
    "severity" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "help" TEXT NOT NULL,
    "file" TEXT,
    "line" INTEGER,
    "column" INTEGER,
    CONSTRAINT "findings_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "findings_check_run_id_fkey" FOREIGN KEY ("check_run_id") REFERENCES "check_runs" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "reviews" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "version_id" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
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

-- CreateTable
CREATE TABLE "approvals" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "review_id" TEXT NOT NULL,
    "version_id" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "reviewer_id" TEXT NOT NULL,
    "created_at" DATETIME NOT NULL,
    CONSTRAINT "approvals_review_id_fkey" FOREIGN KEY ("review_id") REFERENCES "reviews" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "approvals_reviewer_id_fkey" FOREIGN KEY ("reviewer_id") REFERENCES "developers" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "comments" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "version_id" TEXT NOT NULL,
    "finding_id" TEXT,
    "author_id" TEXT NOT NULL,
    "side" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "created_at" DATETIME NOT NULL,
    CONSTRAINT "comments_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "comments_finding_id_fkey" FOREIGN KEY ("finding_id") REFERENCES "findings" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    CONSTRAINT "comments_author_id_fkey" FOREIGN KEY ("author_id") REFERENCES "developers" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "reports" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "app_id" TEXT NOT NULL,
    "reporter_id" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "body" TEXT NOT NULL DEFAULT '',
    "state" TEXT NOT NULL DEFAULT 'OPEN',
    "created_at" DATETIME NOT NULL,
    "decided_at" DATETIME,
    CONSTRAINT "reports_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "reports_reporter_id_fkey" FOREIGN KEY ("reporter_id") REFERENCES "developers" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "uploads" (
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
    "release_notes" TEXT NOT NULL DEFAULT '',
    "via" TEXT NOT NULL DEFAULT 'API',
    "created_at" DATETIME NOT NULL,
    "expires_at" DATETIME NOT NULL,
    "finished_at" DATETIME,
    CONSTRAINT "uploads_developer_id_fkey" FOREIGN KEY ("developer_id") REFERENCES "developers" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "uploads_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "uploads_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "app_versions" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "event_head" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "epoch" TEXT NOT NULL,
    "n" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "events" (
    "n" BIGINT NOT NULL PRIMARY KEY,
    "type" TEXT NOT NULL,
    "app_id" TEXT NOT NULL,
    "version_id" TEXT,
    "actor_id" TEXT,
    "payload" JSONB NOT NULL,
    "at" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "jobs" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "kind" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'READY',
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "max_attempts" INTEGER NOT NULL DEFAULT 5,
    "run_at" DATETIME NOT NULL,
    "lease_until" DATETIME,
    "worker_id" TEXT,
    "last_error" TEXT,
    "progress" JSONB,
    "created_at" DATETIME NOT NULL,
    "finished_at" DATETIME
);

-- CreateTable
CREATE TABLE "audit_logs" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "actor_id" TEXT,
    "via" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "resource_type" TEXT NOT NULL,
    "resource_id" TEXT,
    "details" JSONB NOT NULL,
    "ip" TEXT,
    "user_agent" TEXT,
    "at" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "settings" (
    "key" TEXT NOT NULL PRIMARY KEY,
    "value" JSONB NOT NULL,
    "updated_at" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "setting_changes" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "key" TEXT NOT NULL,
    "before" JSONB,
    "after" JSONB NOT NULL,
    "actor_id" TEXT,
    "at" DATETIME NOT NULL,
    CONSTRAINT "setting_changes_key_fkey" FOREIGN KEY ("key") REFERENCES "settings" ("key") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "idempotency_keys" (
    "owner" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "input_hash" TEXT NOT NULL,
    "result" JSONB NOT NULL,
    "created_at" DATETIME NOT NULL,

    PRIMARY KEY ("owner", "key")
);

-- CreateIndex
CREATE UNIQUE INDEX "developers_email_key" ON "developers"("email");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_public_id_key" ON "sessions"("public_id");

-- CreateIndex
CREATE INDEX "sessions_developer_id_idx" ON "sessions"("developer_id");

-- CreateIndex
CREATE INDEX "sessions_expires_at_idx" ON "sessions"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_key_hash_key" ON "api_keys"("key_hash");

-- CreateIndex
CREATE INDEX "api_keys_developer_id_idx" ON "api_keys"("developer_id");

-- CreateIndex
CREATE UNIQUE INDEX "signing_keys_key_id_key" ON "signing_keys"("key_id");

-- CreateIndex
CREATE INDEX "signing_keys_developer_id_idx" ON "signing_keys"("developer_id");

-- CreateIndex
CREATE INDEX "oauth_accounts_developer_id_idx" ON "oauth_accounts"("developer_id");

-- CreateIndex
CREATE UNIQUE INDEX "oauth_accounts_provider_subject_key" ON "oauth_accounts"("provider", "subject");

-- CreateIndex
CREATE UNIQUE INDEX "passkeys_credential_id_key" ON "passkeys"("credential_id");

-- CreateIndex
CREATE INDEX "passkeys_developer_id_idx" ON "passkeys"("developer_id");

-- CreateIndex
CREATE INDEX "email_tokens_developer_id_idx" ON "email_tokens"("developer_id");

-- CreateIndex
CREATE UNIQUE INDEX "device_logins_device_code_hash_key" ON "device_logins"("device_code_hash");

-- CreateIndex
CREATE UNIQUE INDEX "device_logins_user_code_hash_key" ON "device_logins"("user_code_hash");

-- CreateIndex
CREATE INDEX "device_logins_expires_at_idx" ON "device_logins"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "apps_id_key" ON "apps"("id");

-- CreateIndex
CREATE UNIQUE INDEX "apps_package_id_key" ON "apps"("package_id");

-- CreateIndex
CREATE UNIQUE INDEX "apps_latest_version_id_key" ON "apps"("latest_version_id");

-- CreateIndex
CREATE INDEX "apps_developer_id_idx" ON "apps"("developer_id");

-- CreateIndex
CREATE INDEX "apps_status_last_published_at_row_id_idx" ON "apps"("status", "last_published_at", "row_id");

-- CreateIndex
CREATE INDEX "apps_status_category_last_published_at_row_id_idx" ON "apps"("status", "category", "last_published_at", "row_id");

-- CreateIndex
CREATE INDEX "app_members_developer_id_idx" ON "app_members"("developer_id");

-- CreateIndex
CREATE INDEX "app_versions_app_id_version_code_idx" ON "app_versions"("app_id", "version_code");

-- CreateIndex
CREATE INDEX "app_versions_state_submitted_at_idx" ON "app_versions"("state", "submitted_at");

-- CreateIndex
CREATE UNIQUE INDEX "app_versions_app_id_claimed_code_key" ON "app_versions"("app_id", "claimed_code");

-- CreateIndex
CREATE INDEX "version_files_sha256_idx" ON "version_files"("sha256");

-- CreateIndex
CREATE UNIQUE INDEX "check_runs_version_id_round_check_key" ON "check_runs"("version_id", "round", "check");

-- CreateIndex
CREATE INDEX "findings_version_id_position_idx" ON "findings"("version_id", "position");

-- CreateIndex
CREATE INDEX "findings_check_run_id_idx" ON "findings"("check_run_id");

-- CreateIndex
CREATE INDEX "reviews_state_due_at_id_idx" ON "reviews"("state", "due_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "reviews_version_id_round_kind_key" ON "reviews"("version_id", "round", "kind");

-- CreateIndex
CREATE UNIQUE INDEX "approvals_version_id_round_reviewer_id_key" ON "approvals"("version_id", "round", "reviewer_id");

-- CreateIndex
CREATE INDEX "comments_version_id_created_at_idx" ON "comments"("version_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "reports_app_id_reporter_id_key" ON "reports"("app_id", "reporter_id");

-- CreateIndex
CREATE UNIQUE INDEX "uploads_version_id_key" ON "uploads"("version_id");

-- CreateIndex
CREATE INDEX "uploads_developer_id_state_idx" ON "uploads"("developer_id", "state");

-- CreateIndex
CREATE INDEX "uploads_expires_at_idx" ON "uploads"("expires_at");

-- CreateIndex
CREATE INDEX "events_version_id_n_idx" ON "events"("version_id", "n");

-- CreateIndex
CREATE INDEX "events_app_id_n_idx" ON "events"("app_id", "n");

-- CreateIndex
CREATE UNIQUE INDEX "jobs_key_key" ON "jobs"("key");

-- CreateIndex
CREATE INDEX "jobs_state_run_at_idx" ON "jobs"("state", "run_at");

-- CreateIndex
CREATE INDEX "jobs_state_lease_until_idx" ON "jobs"("state", "lease_until");

-- CreateIndex
CREATE INDEX "audit_logs_actor_id_at_idx" ON "audit_logs"("actor_id", "at");

-- CreateIndex
CREATE INDEX "audit_logs_resource_type_resource_id_at_idx" ON "audit_logs"("resource_type", "resource_id", "at");

-- CreateIndex
CREATE INDEX "audit_logs_at_idx" ON "audit_logs"("at");

-- CreateIndex
CREATE INDEX "setting_changes_key_at_idx" ON "setting_changes"("key", "at");

-- CreateIndex
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys"("created_at");
