-- DropIndex
DROP INDEX "rollouts_state_idx";

-- CreateIndex
CREATE INDEX "rollouts_state_started_at_idx" ON "rollouts"("state", "started_at");
