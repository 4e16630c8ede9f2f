import { createTestDatabase } from '../support/database.ts';
import { testDatabaseContract } from './db.contract.ts';

testDatabaseContract('SQLite', createTestDatabase);
