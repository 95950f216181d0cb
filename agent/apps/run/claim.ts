import { link, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../../lib/error-code.ts';
import { isAlive, parseIdentity, type ProcessIdentity } from './process-identity.ts';

/** It takes microseconds; who is held up for as long never gets to it. */
const writeTimeoutMs = 30_000;

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
  const parent = parseIdentity(text === '' ? await writtenClaim(folder) : text);
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

/** Of a claim that has been made and says nothing yet: when its maker has written it, or is gone. */
async function writtenClaim(folder: string): Promise<string> {
  const from = performance.now();
  for (;;) {
    const makers = await makersIn(folder);
    const alive = makers.filter(isAlive);
    // After they have been seen to be gone, so that what they wrote last is read.
    const text = (await claimText(folder)) ?? '';
    if (text !== '' || alive.length === 0) return text;
    if (performance.now() - from > writeTimeoutMs) for (const { pid } of alive) process.kill(pid, 'SIGKILL');
    await sleep(5);
  }
}

/** All who tried. */
async function makersIn(folder: string): Promise<ProcessIdentity[]> {
  const names = (await readdir(folder)).filter((name) => /^claim\.\d+$/.test(name));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.map(parseIdentity).filter((identity) => identity !== undefined);
}

async function claimText(folder: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, 'pid'), 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
