import { SyncError } from '../../errors.ts';
import type { FileType } from './backend.ts';

const namePattern = /^[0-9a-f]{64}$/;

export function isStoredName(text: string): boolean {
  return namePattern.test(text);
}

/** Where a file lies below the root of a repository, as restic's default layout has it. Refuses other names with `badRequest`: nothing leads out. */
export function storedPath(type: FileType, name: string): string {
  if (type === 'config' ? name !== '' : !isStoredName(name)) {
    throw new SyncError('badRequest', `${JSON.stringify(name)} is no name of a file in ${type}`);
  }
  switch (type) {
    case 'config':
      return 'config';
    case 'data':
      return `data/${name.slice(0, 2)}/${name}`;
    case 'keys':
    case 'index':
    case 'snapshots':
    case 'locks':
      return `${type}/${name}`;
    default:
      return type satisfies never;
  }
}
