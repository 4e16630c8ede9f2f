// Tells the Prisma command line where the schema and the migrations are. The server itself never reads this file.
import { defineConfig } from 'prisma/config';

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: `file:${process.env.DATA_DIR ?? './data'}/core.db` },
});
