/**
 * The system calls that a host process may not make, as a program of classic BPF for `bwrap --seccomp`: no process and no socket can
 * be made, and the parts of the kernel are out of reach that node has no use for and exploits do. Everything else fails with
 * EPERM where namespaces and missing capabilities forbid it.
 */
type Machine = {
  readonly audit: number;
  readonly x32: boolean;
  readonly calls: Readonly<Record<string, number>>;
};

// Numbers: linux/audit.h, asm/unistd_64.h, asm-generic/unistd.h. From 424 on all machines have the same.
const common = {
  ...{ io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427, open_tree: 428, move_mount: 429 },
  ...{ fsopen: 430, fsconfig: 431, fsmount: 432, fspick: 433, pidfd_open: 434, pidfd_getfd: 438 },
  ...{ mount_setattr: 442 },
};
const machines: Readonly<Record<string, Machine>> = {
  x64: {
    audit: 0xc000003e,
    x32: true,
    calls: {
      ...{ socket: 41, socketpair: 53, fork: 57, vfork: 58, ptrace: 101, syslog: 103, personality: 135 },
      ...{ modify_ldt: 154, pivot_root: 155, chroot: 161, acct: 163, mount: 165, umount2: 166, swapon: 167 },
      ...{ reboot: 169, iopl: 172, ioperm: 173, init_module: 175, delete_module: 176, quotactl: 179 },
      ...{ kexec_load: 246, add_key: 248, request_key: 249, keyctl: 250, unshare: 272, vmsplice: 278 },
      ...{ perf_event_open: 298, name_to_handle_at: 303, open_by_handle_at: 304, setns: 308 },
      ...{ process_vm_readv: 310, process_vm_writev: 311, kcmp: 312, finit_module: 313 },
      ...{ kexec_file_load: 320, bpf: 321, userfaultfd: 323 },
      ...common,
    },
  },
  arm64: {
    audit: 0xc00000b7,
    x32: false,
    calls: {
      ...{ umount2: 39, mount: 40, pivot_root: 41, chroot: 51, quotactl: 60, vmsplice: 75, acct: 89 },
      ...{ personality: 92, unshare: 97, kexec_load: 104, init_module: 105, delete_module: 106, syslog: 116 },
      ...{ ptrace: 117, reboot: 142, socket: 198, socketpair: 199, add_key: 217, request_key: 218 },
      ...{ keyctl: 219, swapon: 224, perf_event_open: 241, name_to_handle_at: 264, open_by_handle_at: 265 },
      ...{ setns: 268, process_vm_readv: 270, process_vm_writev: 271, kcmp: 272, finit_module: 273 },
      ...{ bpf: 280, userfaultfd: 282, kexec_file_load: 294 },
      ...common,
    },
  },
};
const clone: Readonly<Record<string, number>> = { x64: 56, arm64: 220 };
const clone3 = 435;

const errors = { EPERM: 1, ENOSYS: 38 } as const;
const threadFlag = 0x1_0000;
/** Offsets in struct seccomp_data; the low half of the first argument, as both machines are little-endian. */
const offsets = { nr: 0, arch: 4, firstArgument: 16 } as const;

/** linux/bpf_common.h, linux/seccomp.h */
const code = { loadWord: 0x20, jumpEqual: 0x15, jumpAtLeast: 0x35, jumpAnySet: 0x45, give: 0x06 } as const;
const verdict = { kill: 0x8000_0000, error: 0x0005_0000, allow: 0x7fff_0000 } as const;

/** struct sock_filter; jumps count instructions from the next one. */
type Instruction = readonly [code: number, value: number, ifTrue?: number, ifFalse?: number];

/** Undefined where the numbers are not known. */
export function seccompFilter(arch: string = process.arch): Uint8Array | undefined {
  const machine = machines[arch];
  const cloneCall = clone[arch];
  if (!machine || cloneCall === undefined) return undefined;
  const denied = verdict.error | errors.EPERM;
  return assemble([
    [code.loadWord, offsets.arch],
    [code.jumpEqual, machine.audit, 1, 0],
    [code.give, verdict.kill],
    [code.loadWord, offsets.nr],
    // The second set of numbers of x86-64 would go around the list.
    ...(machine.x32 ? unless([code.jumpAtLeast, 0x4000_0000], denied) : []),
    ...Object.values(machine.calls).flatMap((nr) => unless([code.jumpEqual, nr], denied)),
    // Its flags are out of a filter's sight. The C library then makes threads by clone.
    ...unless([code.jumpEqual, clone3], verdict.error | errors.ENOSYS),
    // Threads, no processes.
    [code.jumpEqual, cloneCall, 0, 3],
    [code.loadWord, offsets.firstArgument],
    [code.jumpAnySet, threadFlag, 1, 0],
    [code.give, denied],
    [code.give, verdict.allow],
  ]);
}

/** Ends with `value` when the condition holds, else goes on. */
function unless([jump, operand]: readonly [number, number], value: number): Instruction[] {
  return [
    [jump, operand, 0, 1],
    [code.give, value],
  ];
}

function assemble(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([op, value, ifTrue = 0, ifFalse = 0], n) => {
    bytes.writeUInt16LE(op, n * 8);
    bytes.writeUInt8(ifTrue, n * 8 + 2);
    bytes.writeUInt8(ifFalse, n * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, n * 8 + 4);
  });
  return bytes;
}
