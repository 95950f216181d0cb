import { mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { LaunchCapabilities, LaunchSpec } from '../ports.ts';
import { findHierarchies, type Hierarchies, type Limit } from './hierarchies.ts';

type Limits = LaunchSpec['limits'];

/** Of Linux's control groups, one for each run of an app: `holdfast/INSTANCE` in every hierarchy. */
export type ControlGroups = {
  readonly unenforced: LaunchCapabilities['unenforced'];
  /** Makes the group and sets the limits that can be enforced. */
  create(id: string, limits: Limits): Promise<ControlGroup>;
  /** One that an earlier agent made, or is not there at all. */
  at(id: string): ControlGroup;
};

export type ControlGroup = {
  /** A process is in it when it has written itself to `cgroup.procs` in each. None where there are no groups: limits are for naught then. */
  readonly folders: readonly string[];
  /** Below its hierarchies; an OCI runtime makes a group of its own there, which the same limits bind. */
  readonly path: string;
  /** Whether the limit of memory has been hit. */
  ranOutOfMemory(): Promise<boolean>;
  processes(): Promise<number[]>;
  /** Ends everything in it, and removes it. Rejects when something will not end. */
  end(): Promise<void>;
};

const parent = 'holdfast';
/** What SIGKILL does not end in this time waits for a disk or a driver. */
const endTimeoutMs = 30_000;

export async function openControlGroups(root = '/'): Promise<ControlGroups> {
  const hierarchies = await findHierarchies(root, parent);
  return {
    unenforced: hierarchies.unenforced,
    create: async (id, limits) => {
      const group = groupAt(hierarchies, id);
      for (const folder of group.folders) await mkdir(folder, { recursive: true });
      await setLimits(hierarchies, id, limits);
      return group;
    },
    at: (id) => groupAt(hierarchies, id),
  };
}

function groupAt({ limits, all }: Hierarchies, id: string): ControlGroup {
  const folderIn = (mount: string) => join(mount, parent, id);
  const folders = [...new Set([...limits.values()].map((hierarchy) => folderIn(hierarchy.mount)))];
  const everywhere = all.map(folderIn);
  const memory = limits.get('memory');
  return {
    folders,
    path: `/${parent}/${id}`,
    ranOutOfMemory: async () => memory !== undefined && hitLimit(folderIn(memory.mount), memory.version),
    processes: async () => (await Promise.all(folders.map(processesBelow))).flat(),
    end: async () => {
      await endProcesses(folders);
      for (const folder of everywhere) await removeGroups(folder);
    },
  };
}

async function setLimits(hierarchies: Hierarchies, id: string, limits: Limits): Promise<void> {
  const { memoryBytes, cpuCores, pids } = limits;
  const set = async (limit: Limit, values: Readonly<Record<1 | 2, readonly [string, string][]>>) => {
    const hierarchy = hierarchies.limits.get(limit);
    if (hierarchy === undefined) return;
    const folder = join(hierarchy.mount, parent, id);
    for (const [name, value] of values[hierarchy.version]) await write(join(folder, name), value);
  };
  if (memoryBytes !== undefined) {
    const bytes = String(memoryBytes);
    await set('memory', { 1: [['memory.limit_in_bytes', bytes]], 2: [['memory.max', bytes]] });
    // Memory is not to go on in swap; kernels without swap accounting have no such file.
    await set('memory', { 1: [['memory.memsw.limit_in_bytes', bytes]], 2: [['memory.swap.max', '0']] }).catch(
      ignoreMissing,
    );
  }
  if (cpuCores !== undefined) {
    const quotaUs = String(Math.max(minQuotaUs, Math.round(cpuCores * periodUs)));
    await set('cpu', {
      1: [
        ['cpu.cfs_period_us', String(periodUs)],
        ['cpu.cfs_quota_us', quotaUs],
      ],
      2: [['cpu.max', `${quotaUs} ${periodUs}`]],
    });
  }
  const most = [['pids.max', String(pids)]] as [string, string][];
  if (pids !== undefined) await set('pids', { 1: most, 2: most });
}

const periodUs = 100_000;
/** The kernel's own bound. */
const minQuotaUs = 1000;

/** Charges come in batches of as much: who was refused one came that near to its limit. */
const chargeBytes = 2 ** 18;

/**
 * v1 counts kills for a group itself only, and a container's own group below is gone by now: there, to have used up the whole limit is
 * the sign.
 */
async function hitLimit(folder: string, version: 1 | 2): Promise<boolean> {
  const numberIn = async (name: string, pattern: RegExp) =>
    Number(pattern.exec(await read(join(folder, name)))?.[1] ?? 0);
  if (version === 2) return (await numberIn('memory.events', /^oom_kill (\d+)$/m)) > 0;
  if ((await numberIn('memory.oom_control', /^oom_kill (\d+)$/m)) > 0) return true;
  const most = await numberIn('memory.max_usage_in_bytes', /^(\d+)$/m);
  const limit = await numberIn('memory.limit_in_bytes', /^(\d+)$/m);
  return most > 0 && most >= limit - chargeBytes;
}

async function endProcesses(folders: readonly string[]): Promise<void> {
  const from = performance.now();
  // A program that forks faster than it is killed must not be able to.
  for (const folder of folders) await write(join(folder, 'pids.max'), '0').catch(ignoreMissing);
  for (;;) {
    const left = (await Promise.all(folders.map(processesBelow))).flat();
    if (left.length === 0) return;
    if (performance.now() - from > endTimeoutMs) {
      throw new Error(`Processes ${left.slice(0, 10).join(', ')} do not end`);
    }
    for (const pid of left) kill(pid);
    await sleep(5);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

async function processesBelow(folder: string): Promise<number[]> {
  const own = (await read(join(folder, 'cgroup.procs'))).split('\n').filter(Boolean).map(Number);
  const inner = await Promise.all((await groupsIn(folder)).map((name) => processesBelow(join(folder, name))));
  // 0 is one of another process namespace.
  return [...own.filter((pid) => pid > 0), ...inner.flat()];
}

async function groupsIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    ignoreMissing(error);
    return [];
  }
}

async function removeGroups(folder: string): Promise<void> {
  for (const name of await groupsIn(folder)) await removeGroups(join(folder, name));
  // Who has just ended is in its group a moment longer.
  for (let tries = 0; ; tries += 1) {
    try {
      await rmdir(folder);
      return;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      if (errorCode(error) !== 'EBUSY' || tries === 200) throw error;
    }
    await sleep(5);
  }
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    ignoreMissing(error);
    return '';
  });
}

async function write(path: string, value: string): Promise<void> {
  try {
    await writeFile(path, value, { flag: 'r+' });
  } catch (error) {
    throw Object.assign(
      new Error(`Cannot set ${path} to ${value}: ${errorMessage(error)}`, { cause: error }),
      {
        code: errorCode(error),
      },
    );
  }
}

function ignoreMissing(error: unknown): void {
  if (!['ENOENT', 'ENODEV', 'ENOTDIR'].includes(errorCode(error) ?? '')) throw error;
}
