import { locationText } from './location-text.ts';

const commands =
  'vault (?:check|prune|repair (?:index|snapshots)|unlock|key (?:list|add|remove))|snapshot (?:list|ls|cat|diff|find|restore|forget)';
const command = new RegExp(`\\bholdfast (?:${commands})\\b(?! --repository)`, 'g');
/** Of volumes, which a repository that somebody named has nothing to do with. */
const takeVolumes = /\bholdfast snapshot(?=[.,)]|$)/g;

/**
 * What `text` tells a person to run, for the repository that they named by `--repository`: without it the commands are about the agent's
 * own. `location`: undefined when none was named; one that the environment names goes on being named.
 */
export function forRepository(text: string, location: string | undefined): string {
  if (location === undefined) return text;
  const option = `--repository ${shellWord(locationText(location))}`;
  return text
    .replace(command, (named) => `${named} ${option}`)
    .replace(takeVolumes, () => `holdfast snapshot take FOLDER ${option}`);
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
