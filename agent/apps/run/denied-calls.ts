/**
 * System calls that no app needs and exploits of the kernel do, over and above what missing capabilities forbid anyway. A list of what is
 * denied rather than of what is allowed: calls of kernels to come keep working, and programs see EPERM.
 */
export const deniedCalls = {
  names: [
    ...['acct', 'add_key', 'bpf', 'clock_adjtime', 'clock_settime', 'delete_module', 'finit_module'],
    ...['fsconfig', 'fsmount', 'fsopen', 'fspick', 'init_module', 'io_uring_enter', 'io_uring_register'],
    ...[
      'io_uring_setup',
      'ioperm',
      'iopl',
      'kcmp',
      'kexec_file_load',
      'kexec_load',
      'keyctl',
      'lookup_dcookie',
    ],
    ...['mount', 'mount_setattr', 'move_mount', 'name_to_handle_at', 'nfsservctl', 'open_by_handle_at'],
    ...['open_tree', 'perf_event_open', 'pivot_root', 'process_vm_readv', 'process_vm_writev', 'ptrace'],
    ...[
      'quotactl',
      'reboot',
      'request_key',
      'setns',
      'settimeofday',
      'swapoff',
      'swapon',
      'syslog',
      'umount',
    ],
    ...['umount2', 'unshare', 'userfaultfd', 'vhangup'],
  ],
  action: 'SCMP_ACT_ERRNO',
  errnoRet: 1,
};
