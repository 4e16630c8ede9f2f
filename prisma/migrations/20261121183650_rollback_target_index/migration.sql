-- CreateIndex
CREATE INDEX "rollbacks_to_version_id_idx" ON "rollbacks"("to_version_id");
