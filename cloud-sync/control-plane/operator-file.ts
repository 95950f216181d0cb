import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { atomicWrite } from '../../lib/atomic-write.ts';
import { audit } from './database/audit.ts';
import { findOperator, setOperatorToken } from './database/operators.ts';
import type { Database } from './database/schema.ts';

const operatorFileSchema = z.object({ url: z.string(), token: z.string(), ca: z.string() });

export type OperatorFileOptions = {
  readonly folder: string;
  readonly db: Database;
  readonly url: string;
  readonly caPem: string;
  readonly now: () => Date;
};

/**
 * The first operator's token, from `operator.json` (0600) in the folder: what the CLI on this machine uses. The database
 * holds only its hash, so a lost file means a new token, and the lost one lets nobody in. Gives back the token.
 */
export async function provideOperatorFile({
  folder,
  db,
  url,
  caPem,
  now,
}: OperatorFileOptions): Promise<string> {
  const path = join(folder, 'operator.json');
  const stored = await readStored(path);
  const known = stored !== undefined && (await findOperator(db, stored.token)) !== undefined;
  const token = known ? stored.token : `hfo1.${randomBytes(32).toString('base64url')}`;
  const isCurrent = known && stored.url === url && stored.ca === caPem;
  if (!isCurrent) {
    await atomicWrite(path, `${JSON.stringify({ url, token, ca: caPem }, null, 2)}\n`, { mode: 0o600 });
  }
  // After the file, so that a crash in between leaves no token that nobody has.
  if (!known) {
    await db.transaction().execute(async (transaction) => {
      await setOperatorToken(transaction, now(), 'admin', token);
      const detail = { name: 'admin' };
      await audit(transaction, now(), { actor: 'system', action: 'operator.created', detail });
    });
  }
  return token;
}

async function readStored(path: string): Promise<z.output<typeof operatorFileSchema> | undefined> {
  try {
    return operatorFileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
