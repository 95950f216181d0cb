import { link, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../../lib/error-code.ts';
import { isAlive, parseIdentity, type ProcessIdentity } from './process-identity.ts';

/** How far a run has come that this agent did not start. */
export type Claim =
  | { readonly kind: 'running'; readonly parent: ProcessIdentity }
  /** It said how it ended. */
  | { readonly kind: 'ended'; readonly parent: ProcessIdentity }
  /** It never began and never will, or its parent was killed. */
  | { readonly kind: 'lost' };

/** Takes the claim if nobody has: whoever comes for it later ends without having run anything. [G2] */
export async function claimOf(folder: string): Promise<Claim> {
  const text = (await claimText(folder)) ?? (await takeClaim(folder));
  const parent = parseIdentity(text);
  if (parent === undefined) return { kind: 'lost' };
  if (isAlive(parent)) return { kind: 'running', parent };
  const hasEnded = await stat(join(folder, 'exit')).then(
    () => true,
    () => false,
  );
  return hasEnded ? { kind: 'ended', parent } : { kind: 'lost' };
}

async function takeClaim(folder: string): Promise<string> {
  const own = join(folder, 'claim.agent');
  await writeFile(own, 'taken by an agent\n', { mode: 0o600 });
  try {
    await link(own, join(folder, 'pid'));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  return (await claimText(folder)) ?? '';
}

async function claimText(folder: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, 'pid'), 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
