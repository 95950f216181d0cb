import { hostname } from 'node:os';
import { isWord, nameWord } from '../../manifests/words.ts';
import { CliError } from '../errors.ts';
import type { TakeOptions } from './take-folder.ts';

const hint = 'holdfast snapshot take FOLDER --repository LOCATION';

/** The agent snapshots volumes as its manifest says: a folder, and options that say otherwise, are for a repository that is named. */
export function requireVolumes(names: readonly string[], options: TakeOptions): void {
  const folder = names.find((name) => !isWord(nameWord, name));
  if (folder !== undefined)
    throw new CliError('usage', `${folder} is no name of a volume.`, {
      hint: `A folder goes into a repository that you name: ${hint}`,
    });
  const [option] = Object.entries(beyond(options)).flatMap(([name, isGiven]) => (isGiven ? [name] : []));
  if (option !== undefined)
    throw new CliError('usage', `${option} is not for volumes: the agent takes them as the manifest says.`, {
      hint: `Change volumes.NAME in the manifest, or snapshot a folder: ${hint}`,
    });
}

/** Options that only a folder has, and whether they say anything but their default. */
function beyond(options: TakeOptions): Record<string, boolean> {
  return {
    '--host': options.host !== hostname(),
    '--path': options.path !== undefined,
    '--tag': options.tag.length > 0,
    '--exclude': options.exclude.length > 0,
    '--parent': options.parent !== 'latest',
    '--no-memory': !options.memory,
    '--threads': options.threads !== undefined,
    '--limit': options.limit !== undefined,
    '--time': options.time !== undefined,
    '--skip-unchanged': options.skipUnchanged === true,
  };
}
