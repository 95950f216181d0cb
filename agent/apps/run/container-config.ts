import type { LaunchSpec } from '../ports.ts';
import { deniedCalls } from './denied-calls.ts';
import type { RootFolder } from './root-folder.ts';

type ConfigOptions = {
  readonly root: RootFolder;
  /** Of the group that the runtime makes. */
  readonly cgroupsPath: string;
  /** Of the agent: null when it is root. */
  readonly rootless: { readonly uid: number; readonly gid: number } | null;
};

/** What docker gives a container, less what makes devices, raw packets, audit records and file capabilities. */
const capabilities = [
  ...['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_KILL'],
  ...['CAP_SETGID', 'CAP_SETUID', 'CAP_SETPCAP', 'CAP_NET_BIND_SERVICE', 'CAP_SYS_CHROOT'],
];

/** As runtimes mask them by default. */
const maskedPaths = [
  ...['/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list'],
  ...[
    '/proc/timer_stats',
    '/proc/sched_debug',
    '/proc/scsi',
    '/sys/firmware',
    '/sys/devices/virtual/powercap',
  ],
];
/** What root may write to by the mode of the file alone, with no capability. */
export const readonlyPaths = [
  ...['/proc/sys', '/proc/sysrq-trigger', '/proc/irq', '/proc/bus', '/proc/fs', '/proc/driver', '/proc/acpi'],
  ...['/proc/dynamic_debug', '/proc/mtrr', '/proc/scsi'],
];

/** `config.json` of an OCI runtime (runtime spec 1.0). */
export function containerConfig(spec: LaunchSpec, { root, cgroupsPath, rootless }: ConfigOptions) {
  const own = ['pid', 'mount', 'ipc', 'uts', ...(spec.network === 'none' ? ['network'] : [])];
  const mapping = (id: number) => [{ containerID: 0, hostID: id, size: 1 }];
  return {
    ociVersion: '1.0.2',
    process: containerProcess(spec, spec.args, spec.cwd),
    root: { path: root.path, readonly: true },
    hostname: spec.app,
    mounts: [
      ...root.binds.map(({ source, target }) => bind(source, target, true)),
      ...machineMounts(spec, rootless !== null),
      ...spec.mounts.map(({ source, target, readOnly }) => bind(source, root.placeOf(target), readOnly)),
    ],
    linux: {
      namespaces: [...own, ...(rootless ? ['user'] : [])].map((type) => ({ type })),
      ...(rootless
        ? { uidMappings: mapping(rootless.uid), gidMappings: mapping(rootless.gid) }
        : { cgroupsPath }),
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: deniedCalls },
      maskedPaths,
      readonlyPaths,
    },
  };
}

/** The `process` part, of the app and of what runs beside it. */
export function containerProcess({ user, env }: LaunchSpec, args: readonly string[], cwd: string) {
  // A user other than root never gets one, and cannot by a program's bits either.
  const granted = user.uid === 0 ? capabilities : [];
  return {
    terminal: false,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.groups },
    args,
    env,
    cwd,
    capabilities: { bounding: granted, effective: granted, permitted: granted },
    noNewPrivileges: true,
  };
}

function bind(source: string, destination: string, readOnly: boolean) {
  const options = ['rbind', readOnly ? 'ro' : 'rw', 'nosuid', 'nodev', 'rprivate'];
  return { destination, type: 'bind', source, options };
}

/** Also what of the machine's own files a network needs. */
export const networkFiles = ['/etc/resolv.conf', '/etc/hosts'];

function machineMounts({ network, user }: LaunchSpec, isRootless: boolean) {
  const tmpfs = (destination: string, ...options: string[]) => ({
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'nodev', ...options],
  });
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    { ...tmpfs('/dev'), options: ['nosuid', 'strictatime', 'mode=755', 'size=64k'] },
    devpts(isRootless),
    tmpfs('/dev/shm', 'noexec', 'mode=1777', 'size=64m'),
    // Whoever is not root in the network's own namespace may not mount it.
    ...(isRootless && network === 'host' ? [] : [sysfs]),
    tmpfs('/tmp', 'mode=1777', 'size=256m'),
    tmpfs('/run', 'mode=755', 'size=64m', `uid=${user.uid}`, `gid=${user.gid}`),
    ...(network === 'host' ? networkFiles.map((path) => bind(path, path, true)) : []),
  ];
}

const sysfs = {
  destination: '/sys',
  type: 'sysfs',
  source: 'sysfs',
  options: ['nosuid', 'noexec', 'nodev', 'ro'],
};

function devpts(isRootless: boolean) {
  const options = ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'];
  return {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    // The group of terminals is not mapped there.
    options: isRootless ? options : [...options, 'gid=5'],
  };
}
