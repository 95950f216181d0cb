import { access, constants, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { LaunchCapabilities } from '../ports.ts';

export type Limit = LaunchCapabilities['unenforced'][number]['limit'];
type Hierarchy = { readonly mount: string; readonly version: 1 | 2 };

export type Hierarchies = {
  /** Where each limit can be set. */
  readonly limits: ReadonlyMap<Limit, Hierarchy>;
  readonly unenforced: LaunchCapabilities['unenforced'];
  /** Mount points of all there are: an OCI runtime makes groups in each. */
  readonly all: readonly string[];
};

const limits = ['memory', 'cpu', 'pids'] as const;
const keyFiles: Readonly<Record<Limit, readonly [v1: string, v2: string]>> = {
  memory: ['memory.limit_in_bytes', 'memory.max'],
  cpu: ['cpu.cfs_quota_us', 'cpu.max'],
  pids: ['pids.max', 'pids.max'],
};

/**
 * The control groups of this machine that `parent` can be made in and each limit be set in: version 2, version 1, or both beside each other.
 * `root`: where `proc` is, and what mount points are below.
 */
export async function findHierarchies(root: string, parent: string): Promise<Hierarchies> {
  const mounts = parseMounts(await readFile(join(root, 'proc/self/mounts'), 'utf8').catch(() => ''));
  const found = new Map<Limit, Hierarchy>();
  const unenforced: { limit: Limit; why: string }[] = [];
  for (const limit of limits) {
    const hierarchy = await hierarchyOf(limit, mounts, root);
    const why = hierarchy === undefined ? noController(limit) : await tryOut(limit, hierarchy, parent);
    if (hierarchy !== undefined && why === undefined) found.set(limit, hierarchy);
    else unenforced.push({ limit, why: why ?? noController(limit) });
  }
  return { limits: found, unenforced, all: mounts.map(({ mount }) => join(root, mount)) };
}

type Mount = Hierarchy & { readonly controllers: readonly string[] };

/** proc(5): device, mount point, type, options. Blanks in mount points are escaped; those of control groups have none. */
function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line): Mount[] => {
    const [, mount = '', type, options = ''] = line.split(' ');
    if (type === 'cgroup2') return [{ mount, version: 2, controllers: [] }];
    return type === 'cgroup' ? [{ mount, version: 1, controllers: options.split(',') }] : [];
  });
}

async function hierarchyOf(
  limit: Limit,
  mounts: readonly Mount[],
  root: string,
): Promise<Hierarchy | undefined> {
  for (const { mount, version, controllers } of mounts) {
    const path = join(root, mount);
    const has = version === 1 ? controllers : await controllersOf(path);
    if (has.includes(limit)) return { mount: path, version };
  }
  return undefined;
}

async function controllersOf(mount: string): Promise<string[]> {
  return (await readFile(join(mount, 'cgroup.controllers'), 'utf8').catch(() => '')).trim().split(' ');
}

function noController(limit: Limit): string {
  return `this kernel has no control groups for ${limit}`;
}

/** Why it cannot be used, or undefined. */
async function tryOut(
  limit: Limit,
  { mount, version }: Hierarchy,
  parent: string,
): Promise<string | undefined> {
  const probe = join(mount, parent, `probe-${process.pid}`);
  try {
    if (version === 2) await delegate(limit, mount);
    await mkdir(join(mount, parent), { recursive: true });
    if (version === 2) await delegate(limit, join(mount, parent));
    await mkdir(probe, { recursive: true });
    await access(join(probe, keyFiles[limit][version - 1] ?? ''), constants.W_OK);
    return undefined;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? ''))
      return `the agent may not make control groups in ${mount}`;
    return `control groups in ${mount} do not work: ${errorMessage(error)}`;
  } finally {
    await rmdir(probe).catch(() => undefined);
  }
}

/** Groups below may then set the limit. */
async function delegate(limit: Limit, folder: string): Promise<void> {
  await writeFile(join(folder, 'cgroup.subtree_control'), `+${limit}`, { flag: 'r+' });
}
