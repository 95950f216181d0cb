import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** A folder of ours in the user's cache, not made yet: what is there may be deleted at any time. */
export function cacheFolder(env: NodeJS.ProcessEnv, name: string): string {
  const set = env.XDG_CACHE_HOME;
  const cache = set !== undefined && isAbsolute(set) ? set : join(env.HOME ?? homedir(), '.cache');
  return join(cache, 'holdfast', name);
}
