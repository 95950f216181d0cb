import { loadFfi } from '../../../lib/load-ffi.ts';
import { zstdParameters } from './zstd-parameters.ts';

/** The zstd that node has inside, without an object of node's for each call: a third of the time for a file of some kilobytes. */
export type NativeZstd = {
  /** In memory that the next call uses again. Undefined for what it cannot do, such as a higher level than it has memory for. */
  compress(plain: Uint8Array, level: number): Buffer | undefined;
  /** At most `maxBytes`, which are allocated at once; undefined for what is no zstd or larger. */
  decompress(bytes: Uint8Array, maxBytes: number): Buffer | undefined;
};

const signatures = {
  ZSTD_compressBound: { arguments: ['u64'], return: 'u64' },
  ZSTD_estimateCCtxSize: { arguments: ['i32'], return: 'u64' },
  ZSTD_estimateDCtxSize: { arguments: [], return: 'u64' },
  ZSTD_initStaticCCtx: { arguments: ['pointer', 'u64'], return: 'pointer' },
  ZSTD_initStaticDCtx: { arguments: ['pointer', 'u64'], return: 'pointer' },
  ZSTD_CCtx_reset: { arguments: ['pointer', 'i32'], return: 'u64' },
  ZSTD_CCtx_setParameter: { arguments: ['pointer', 'i32', 'i32'], return: 'u64' },
  ZSTD_compress2: { arguments: ['pointer', 'pointer', 'u64', 'pointer', 'u64'], return: 'u64' },
  ZSTD_decompressDCtx: { arguments: ['pointer', 'pointer', 'u64', 'pointer', 'u64'], return: 'u64' },
} as const;

const maxLevel = 3;
/** Larger blobs are rare, and memory for them is not kept. */
const maxPlainBytes = 16 * 1024 * 1024;
/** Results above it are error codes, counted down from 2^64. */
const maxResult = 2n ** 63n;
/** ZSTD_reset_parameters */
const resetParameters = 2;

/**
 * By node's foreign function interface. Undefined where that is not there (node 24) or not allowed, or where node does not show its zstd:
 * callers then use node:zlib. One a thread; its memory is the thread's.
 */
export function openNativeZstd(): NativeZstd | undefined {
  try {
    return nativeZstd();
  } catch {
    return undefined;
  }
}

function nativeZstd(): NativeZstd | undefined {
  const ffi = loadFfi();
  const zstd = ffi.dlopen(null, signatures).functions;
  // A context lies at the beginning of the memory that it is given, so that this is what calls take for it, and keep.
  const compressing = Buffer.allocUnsafeSlow(Number(zstd.ZSTD_estimateCCtxSize(maxLevel)));
  const decompressing = Buffer.allocUnsafeSlow(Number(zstd.ZSTD_estimateDCtxSize()));
  const contexts = [
    zstd.ZSTD_initStaticCCtx(compressing, BigInt(compressing.byteLength)),
    zstd.ZSTD_initStaticDCtx(decompressing, BigInt(decompressing.byteLength)),
  ];
  if (contexts[0] !== ffi.getRawPointer(compressing) || contexts[1] !== ffi.getRawPointer(decompressing)) {
    return undefined;
  }
  const compressor = ffi.getRawPointer(compressing);
  let scratch = Buffer.alloc(0);
  /** Passed as a number: node looks for the address of a buffer at each call. */
  let scratchAddress = 0n;
  /** Of plain bytes, for whose result `scratch` has room. */
  let roomBytes = 0;
  let setLevel = 0;
  const setParameters = (level: number): boolean => {
    if (level === setLevel) return true;
    setLevel = 0;
    const results = [
      zstd.ZSTD_CCtx_reset(compressing, resetParameters),
      ...Object.entries(zstdParameters(level)).map(([parameter, value]) =>
        zstd.ZSTD_CCtx_setParameter(compressing, Number(parameter), value),
      ),
    ];
    if (results.some((result) => result > maxResult)) return false;
    setLevel = level;
    return true;
  };
  return {
    compress: (plain, level) => {
      if (level > maxLevel || plain.byteLength === 0 || plain.byteLength > maxPlainBytes) return undefined;
      if (!setParameters(level)) return undefined;
      const length = BigInt(plain.byteLength);
      if (plain.byteLength > roomBytes) {
        scratch = Buffer.allocUnsafeSlow(Number(zstd.ZSTD_compressBound(length)));
        scratchAddress = ffi.getRawPointer(scratch);
        roomBytes = plain.byteLength;
      }
      const space = BigInt(scratch.byteLength);
      const written = zstd.ZSTD_compress2(compressor, scratchAddress, space, plain, length);
      return written > maxResult ? undefined : scratch.subarray(0, Number(written));
    },
    decompress: (bytes, maxBytes) => {
      if (bytes.byteLength === 0 || maxBytes === 0 || maxBytes > maxPlainBytes) return undefined;
      const plain = Buffer.allocUnsafe(maxBytes);
      const [space, length] = [BigInt(maxBytes), BigInt(bytes.byteLength)];
      const written = zstd.ZSTD_decompressDCtx(decompressing, plain, space, bytes, length);
      return written > maxResult ? undefined : plain.subarray(0, Number(written));
    },
  };
}
