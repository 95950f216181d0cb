import type * as Ffi from 'node:ffi';
import { isUtf8 } from 'node:buffer';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { loadFfi } from './load-ffi.ts';

/** Whole paths as text, or as the bytes they are where they are no UTF-8. Without NUL. */
export type RawPath = string | Uint8Array;
/** Of an extended attribute, in the same way. */
type AttributeName = string | Buffer;

/**
 * Calls of the C library that node has no function for. All are synchronous, follow no symbolic link at the end of `path`, and
 * throw an Error whose `code` is node's (`ENOENT`, `EPERM`, `ENOTSUP` …).
 */
export type Posix = {
  /** Names of the extended attributes, in the kernel's order. None where the file system knows no such thing. `of`: also an open file. */
  listAttributes(of: RawPath | number): AttributeName[];
  /** A value, 64 KiB at most as the kernel has it. */
  getAttribute(of: RawPath | number, name: AttributeName): Buffer;
  setAttribute(path: RawPath, name: AttributeName, value: Uint8Array): void;
  removeAttribute(path: RawPath, name: AttributeName): void;
  /** Nanoseconds since 1970. `of`: also an open file. */
  setTimes(of: RawPath | number, times: { readonly atimeNs: bigint; readonly mtimeNs: bigint }): void;
  /** A fifo, socket or device. `mode` with the bits of the type, less the umask; `device` as `st_rdev` has it. */
  makeNode(path: RawPath, mode: number, device: number): void;
  /**
   * Everything of the file system that an open file lies on is on disk when it returns. A failure is fatal. What was lost before the file
   * was opened may have been told to another, and is not told again: open it before the first write.
   */
  syncFileSystem(descriptor: number): void;
  /**
   * What the system remembers of an open file is forgotten, so that it is read from the disk; not what is still to be written there.
   * False where the file system cannot do that.
   */
  forgetCached(descriptor: number): boolean;
  /** Each of two names of one file system has then what the other had, in one step. `EINVAL` or `ENOSYS` where that cannot be done. */
  exchange(path: RawPath, other: RawPath): void;
  /** The bytes of an open file read as zeros then, and their space is free. Its size stays. `ENOTSUP` where that cannot be done. */
  punchHole(descriptor: number, offset: number, length: number): void;
};

const signatures = {
  __errno_location: { arguments: [], return: 'pointer' },
  llistxattr: { arguments: ['pointer', 'pointer', 'u64'], return: 'i64' },
  flistxattr: { arguments: ['i32', 'pointer', 'u64'], return: 'i64' },
  fgetxattr: { arguments: ['i32', 'pointer', 'pointer', 'u64'], return: 'i64' },
  lgetxattr: { arguments: ['pointer', 'pointer', 'pointer', 'u64'], return: 'i64' },
  lsetxattr: { arguments: ['pointer', 'pointer', 'pointer', 'u64', 'i32'], return: 'i32' },
  lremovexattr: { arguments: ['pointer', 'pointer'], return: 'i32' },
  futimens: { arguments: ['i32', 'pointer'], return: 'i32' },
  utimensat: { arguments: ['i32', 'pointer', 'pointer', 'i32'], return: 'i32' },
  mknod: { arguments: ['pointer', 'u32', 'u64'], return: 'i32' },
  syncfs: { arguments: ['i32'], return: 'i32' },
  posix_fadvise: { arguments: ['i32', 'i64', 'i64', 'i32'], return: 'i32' },
  fallocate: { arguments: ['i32', 'i32', 'i64', 'i64'], return: 'i32' },
} as const;

/** By itself, because not every C library has it. */
const exchangeSignatures = {
  renameat2: { arguments: ['i32', 'pointer', 'i32', 'pointer', 'u32'], return: 'i32' },
} as const;

const atFdcwd = -100;
const atSymlinkNofollow = 0x100;
/** RENAME_EXCHANGE */
const renameExchange = 2;
/** POSIX_FADV_DONTNEED */
const dontNeed = 4;
/** FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE */
const punchKeepingSize = 3;
/** XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux: 64 KiB each. */
const attributeBytes = 65_536;

/**
 * By node's foreign function interface. Undefined where that is not there (node 24), not allowed, or the C library is another than
 * that of a 64-bit, little-endian Linux: callers then do with what node has. One a thread.
 */
export function openPosix(): Posix | undefined {
  if (process.platform !== 'linux' || endianness() !== 'LE' || !['x64', 'arm64'].includes(process.arch))
    return undefined;
  try {
    return posixBy(loadFunctions());
  } catch {
    return undefined;
  }
}

type Load = {
  ffi: typeof Ffi;
  c: ReturnType<typeof loadC>;
  exchanging: ReturnType<typeof loadExchanging> | undefined;
};

function loadC(ffi: typeof Ffi) {
  return ffi.dlopen(null, signatures).functions;
}

function loadExchanging(ffi: typeof Ffi) {
  return ffi.dlopen(null, exchangeSignatures).functions;
}

function loadFunctions(): Load {
  const ffi = loadFfi();
  const c = loadC(ffi);
  try {
    return { ffi, c, exchanging: loadExchanging(ffi) };
  } catch {
    return { ffi, c, exchanging: undefined };
  }
}

function posixBy({ ffi, c, exchanging }: Load): Posix {
  // A thread has one errno, always at the same place; reading it is no call that could change it.
  const errno = c.__errno_location();
  const checked = (result: number, call: string, path: RawPath | number): number => {
    if (result >= 0) return result;
    throw failure(ffi.getInt32(errno), call, path);
  };
  const scratch = Buffer.alloc(attributeBytes);
  const scratchAddress = ffi.getRawPointer(scratch);
  const size = BigInt(attributeBytes);
  const times = Buffer.alloc(2 * timespecBytes);
  const timesAddress = ffi.getRawPointer(times);
  return {
    listAttributes: (of) => {
      const length = Number(
        typeof of === 'number'
          ? c.flistxattr(of, scratchAddress, size)
          : c.llistxattr(terminated(of), scratchAddress, size),
      );
      if (length < 0 && ffi.getInt32(errno) === notSupported) return [];
      const call = typeof of === 'number' ? 'flistxattr' : 'llistxattr';
      return length === 0 ? [] : namesOf(scratch.subarray(0, checked(length, call, of)));
    },
    getAttribute: (of, name) => {
      const length = Number(
        typeof of === 'number'
          ? c.fgetxattr(of, terminated(name), scratch, size)
          : c.lgetxattr(terminated(of), terminated(name), scratch, size),
      );
      const call = typeof of === 'number' ? 'fgetxattr' : 'lgetxattr';
      return Buffer.from(scratch.subarray(0, checked(length, call, of)));
    },
    setAttribute: (path, name, value) => {
      const result = c.lsetxattr(terminated(path), terminated(name), value, BigInt(value.byteLength), 0);
      checked(result, 'lsetxattr', path);
    },
    removeAttribute: (path, name) => {
      checked(c.lremovexattr(terminated(path), terminated(name)), 'lremovexattr', path);
    },
    setTimes: (of, { atimeNs, mtimeNs }) => {
      putTimespec(times, 0, atimeNs);
      putTimespec(times, timespecBytes, mtimeNs);
      if (typeof of === 'number') checked(c.futimens(of, timesAddress), 'futimens', of);
      else checked(c.utimensat(atFdcwd, terminated(of), timesAddress, atSymlinkNofollow), 'utimensat', of);
    },
    makeNode: (path, mode, device) => {
      checked(c.mknod(terminated(path), mode, BigInt(device)), 'mknod', path);
    },
    syncFileSystem: (descriptor) => void checked(c.syncfs(descriptor), 'syncfs', descriptor),
    forgetCached: (descriptor) => {
      // It returns its error, and leaves errno alone.
      const code = c.posix_fadvise(descriptor, 0n, 0n, dontNeed);
      if (refusals.has(code)) return false;
      if (code !== 0) throw failure(code, 'posix_fadvise', descriptor);
      return true;
    },
    exchange: (path, other) => {
      if (exchanging === undefined) throw failure(notThere, 'renameat2', path);
      const [from, to] = [terminated(path), terminated(other)];
      checked(exchanging.renameat2(atFdcwd, from, atFdcwd, to, renameExchange), 'renameat2', path);
    },
    punchHole: (descriptor, offset, length) => {
      const result = c.fallocate(descriptor, punchKeepingSize, BigInt(offset), BigInt(length));
      checked(result, 'fallocate', descriptor);
    },
  };
}

/** EINVAL */
const invalid = 22;
/** EOPNOTSUPP */
const notSupported = 95;
/** ENOSYS */
const notThere = 38;

/** Of a file system that does not know a call. */
const refusals: ReadonlySet<number> = new Set([invalid, notThere, notSupported]);

function failure(errno: number, call: string, path: RawPath | number): Error {
  const code = getSystemErrorName(-errno);
  const where = typeof path === 'object' ? Buffer.from(path).toString() : path;
  return Object.assign(new Error(`${code}: ${call} '${where}'`), { code, errno: -errno, syscall: call });
}

/** `list`: each of them ends with NUL. It is written over later. */
function namesOf(list: Buffer): AttributeName[] {
  if (isUtf8(list)) return list.toString('utf8', 0, list.length - 1).split('\0');
  const names: AttributeName[] = [];
  for (let start = 0; start < list.length;) {
    const end = list.indexOf(0, start);
    const name = Buffer.from(list.subarray(start, end));
    names.push(isUtf8(name) ? name.toString() : name);
    start = end + 1;
  }
  return names;
}

/** As C reads it. */
function terminated(text: RawPath): Buffer {
  const bytes = typeof text === 'string' ? Buffer.from(`${text}\0`) : Buffer.concat([text, nul]);
  if (bytes.indexOf(0) !== bytes.length - 1) throw failure(invalid, 'path', text);
  return bytes;
}

const nul = Buffer.from([0]);

/** A `struct timespec` of 64 bits each. Nanoseconds are never negative, seconds before 1970 are. */
function putTimespec(bytes: Buffer, at: number, time: bigint): void {
  const nanoseconds = ((time % second) + second) % second;
  bytes.writeBigInt64LE((time - nanoseconds) / second, at);
  bytes.writeBigInt64LE(nanoseconds, at + 8);
}

const timespecBytes = 16;
const second = 1_000_000_000n;
