import { loadFfi } from './load-ffi.ts';

/**
 * Ends the process at once: what node would still write is lost, such as an error that nobody caught. To be called last on `exit`, where
 * node would wait for threads, also for one in a system call that does not return. Where there is no node:ffi (node 24) it still does.
 */
export function exitWithoutThreads(code: number): void {
  try {
    const ffi = loadFfi();
    const { functions } = ffi.dlopen(null, { _exit: { arguments: ['i32'], return: 'void' } });
    // As node leaves a terminal.
    if (process.stdin.isRaw) process.stdin.setRawMode(false);
    functions._exit(code);
  } catch {
    // As node ends it then.
  }
}
