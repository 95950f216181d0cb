import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setting } from './setting.ts';

/** A folder of ours in the user's cache, not made yet: what is there may be deleted at any time. */
export function cacheFolder(env: NodeJS.ProcessEnv, name: string): string {
  const set = setting(env, 'XDG_CACHE_HOME');
  const home = setting(env, 'HOME') ?? homedir();
  const cache = set !== undefined && isAbsolute(set) ? set : join(home, '.cache');
  return join(cache, 'holdfast', name);
}
