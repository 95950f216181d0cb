/** linux/sched.h: to be root of a user namespace of one's own is the way to most of the kernel. */
const cloneNewUser = 0x1000_0000;

const denied = { action: 'SCMP_ACT_ERRNO', errnoRet: 1 } as const;
/** ENOSYS */
const notThere = 38;

/**
 * System calls that no app needs and exploits of the kernel do, over and above what missing capabilities forbid anyway. A list of what is
 * denied rather than of what is allowed: calls of kernels to come keep working, and programs see EPERM. As `linux.seccomp.syscalls` of
 * the OCI runtime spec.
 */
export const deniedCalls = [
  {
    ...denied,
    names: [
      ...['acct', 'add_key', 'bpf', 'clock_adjtime', 'clock_settime', 'delete_module', 'finit_module'],
      ...['fsconfig', 'fsmount', 'fsopen', 'fspick', 'init_module', 'io_uring_enter', 'io_uring_register'],
      ...['io_uring_setup', 'ioperm', 'iopl', 'kexec_file_load', 'kexec_load', 'keyctl', 'lookup_dcookie'],
      ...['mount', 'mount_setattr', 'move_mount', 'nfsservctl', 'open_by_handle_at', 'open_tree'],
      ...['perf_event_open', 'pivot_root', 'quotactl', 'reboot', 'request_key', 'setns', 'settimeofday'],
      ...['swapoff', 'swapon', 'syslog', 'umount', 'umount2', 'unshare', 'userfaultfd', 'vhangup'],
    ],
  },
  {
    ...denied,
    names: ['clone'],
    args: [{ index: 0, value: cloneNewUser, valueTwo: cloneNewUser, op: 'SCMP_CMP_MASKED_EQ' }],
  },
  // Its flags are out of a filter's sight; the C library then makes processes by clone.
  { ...denied, names: ['clone3'], errnoRet: notThere },
];
