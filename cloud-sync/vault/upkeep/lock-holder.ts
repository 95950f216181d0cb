import { hostname, userInfo } from 'node:os';
import { errorCode } from '../../../lib/error-code.ts';

/** Who a lock says holds it. */
export type LockHolder = {
  readonly hostname: string;
  readonly username: string;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
};

export function thisProcess(): LockHolder {
  return {
    ...{ hostname: hostname(), username: userName(), pid: process.pid },
    ...{ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
  };
}

/** Whether a holder is of this machine and its process has ended. Of other machines nothing is known. */
export function hasEnded({ hostname: host, pid }: LockHolder): boolean {
  if (host !== hostname() || !Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}

/** In a container a user may have a number and no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}
