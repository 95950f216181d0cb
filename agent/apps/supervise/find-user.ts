import { AgentError } from '../../errors.ts';
import type { LaunchSpec } from '../ports.ts';

/** Texts of `/etc/passwd` and `/etc/group`; empty where there is none. */
export type Accounts = { readonly passwd: string; readonly group: string };

const idMax = 2 ** 32 - 2;

/**
 * Who `user` or `user:group`, by name or number, is: as the OCI image specification has it, root when it is empty. A number needs no
 * account; a name does. Throws AgentError 'badImage'.
 */
export function findUser(text: string, { passwd, group }: Accounts, app: string): LaunchSpec['user'] {
  const [userText = '', groupText] = text.split(':', 2);
  const account = accountOf(userText === '' ? '0' : userText, passwd);
  const uid = account?.uid ?? numberIn(userText === '' ? '0' : userText);
  if (uid === undefined) throw noSuch('user', userText, app);
  if (groupText !== undefined && groupText !== '') {
    const gid = groupsOf(group).find(({ name }) => name === groupText)?.gid ?? numberIn(groupText);
    if (gid === undefined) throw noSuch('group', groupText, app);
    return { uid, gid, groups: [] };
  }
  const gid = account?.gid ?? 0;
  const groups = groupsOf(group).filter(({ members }) => account && members.includes(account.name));
  return { uid, gid, groups: groups.map((one) => one.gid).filter((one) => one !== gid) };
}

/** A name goes before a number, as everywhere. */
function accountOf(user: string, passwd: string): { name: string; uid: number; gid: number } | undefined {
  const accounts = fieldsOf(passwd).flatMap(([name = '', , uidText = '', gidText = '']) => {
    const [uid, gid] = [numberIn(uidText), numberIn(gidText)];
    return uid === undefined || gid === undefined ? [] : [{ name, uid, gid }];
  });
  return accounts.find(({ name }) => name === user) ?? accounts.find(({ uid }) => uid === numberIn(user));
}

function groupsOf(group: string): { name: string; gid: number; members: string[] }[] {
  return fieldsOf(group).flatMap(([name = '', , gidText = '', members = '']) => {
    const gid = numberIn(gidText);
    return gid === undefined ? [] : [{ name, gid, members: members.split(',') }];
  });
}

function fieldsOf(text: string): string[][] {
  return text.split('\n').map((line) => line.trim().split(':'));
}

function numberIn(text: string): number | undefined {
  return /^[0-9]{1,10}$/.test(text) && Number(text) <= idMax ? Number(text) : undefined;
}

function noSuch(what: 'user' | 'group', name: string, app: string): AgentError {
  return new AgentError(
    'badImage',
    `App ${app} is to run as the ${what} ${name}, which its image does not have`,
    {
      hint: `Name one that is there, or a number, as run.user of ${app}.`,
    },
  );
}
