import { readFileSync } from 'node:fs';

/** Names of users and groups, '' where an id has none. */
export type AccountNames = { userOf(uid: number): string; groupOf(gid: number): string };

/** As /etc/passwd and /etc/group say it now; accounts from elsewhere (LDAP) have no names here, as ids they are still whole. */
export function readAccountNames(): AccountNames {
  const users = namesById('/etc/passwd');
  const groups = namesById('/etc/group');
  return { userOf: (uid) => users.get(uid) ?? '', groupOf: (gid) => groups.get(gid) ?? '' };
}

/** Changes when a name does. */
export function accountsText(): string {
  return textOf('/etc/passwd') + textOf('/etc/group');
}

function namesById(path: string): Map<number, string> {
  return parseAccounts(textOf(path));
}

/** Both files: `name:password:id:…`, the first line of an id counts. */
export function parseAccounts(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name = '', , id = ''] = line.split(':');
    if (name === '' || !/^\d{1,10}$/.test(id) || names.has(Number(id))) continue;
    names.set(Number(id), name);
  }
  return names;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
