import { hash } from 'node:crypto';
import type { Database } from './schema.ts';

export type Operator = { readonly name: string };

/** Tokens are 256 random bits, so a plain hash is enough and a look-up by hash leaks no time worth having. */
const hashOf = (token: string) => hash('sha256', token, 'hex');

/** Gives the operator this token and no other: older ones are of no use any more. Call it inside a transaction. */
export async function setOperatorToken(db: Database, now: Date, name: string, token: string): Promise<void> {
  await db.deleteFrom('operators').where('name', '=', name).execute();
  await db
    .insertInto('operators')
    .values({ token_hash: hashOf(token), name, created: now.toISOString() })
    .execute();
}

export async function findOperator(db: Database, token: string): Promise<Operator | undefined> {
  return db.selectFrom('operators').select('name').where('token_hash', '=', hashOf(token)).executeTakeFirst();
}
