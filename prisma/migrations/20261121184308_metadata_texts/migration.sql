-- CreateTable
CREATE TABLE "metadata_texts" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "body" TEXT NOT NULL,
    CONSTRAINT "metadata_texts_name_fkey" FOREIGN KEY ("name") REFERENCES "metadata_files" ("name") ON DELETE CASCADE ON UPDATE CASCADE
);

-- What is served stays: a device that knows these files must find them again.
INSERT INTO "metadata_texts" ("name", "body") SELECT "name", "body" FROM "metadata_files";

-- In place: dropping the table for a new one would take the texts with it.
ALTER TABLE "metadata_files" DROP COLUMN "body";
