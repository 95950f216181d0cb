import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { errorCode } from '../../../lib/error-code.ts';

const ourProcesses = processesHere();

/** Who a lock says holds it. */
export type LockHolder = {
  readonly hostname: string;
  readonly username: string;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Stands for the processes among which `pid` names one: of this start of this kernel, in this container. */
  readonly processes?: string | undefined;
};

export function thisProcess(): LockHolder {
  return {
    ...{ hostname: hostname(), username: userName(), pid: process.pid },
    ...{ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    ...(ourProcesses !== undefined && { processes: ourProcesses }),
  };
}

/**
 * Whether a holder is of this machine and its process has ended. Of other machines nothing is known, nor of containers; that several
 * have one hostname is common. restic's locks say no more than that.
 */
export function hasEnded({ hostname: host, pid, processes }: LockHolder): boolean {
  if (host !== hostname() || !Number.isSafeInteger(pid) || pid <= 0) return false;
  if (processes !== undefined && processes !== ourProcesses) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}

/** Undefined where the system does not tell. */
function processesHere(): string | undefined {
  try {
    const start = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${start} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
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
