import { open } from 'node:fs/promises';

/** Far more program headers than a linker makes. */
const headMaxBytes = 64 * 2 ** 10;
const ptInterp = 3;

/** Whether a file is an ELF program that needs no loader and no library: it runs outside its image too. */
export async function isStaticProgram(path: string): Promise<boolean> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headMaxBytes), 0, headMaxBytes, 0);
  const types = programHeaderTypes(buffer.subarray(0, bytesRead));
  return types !== undefined && !types.includes(ptInterp);
}

/** ELF (gABI 4.1): e_phoff, e_phentsize, e_phnum, then p_type of each. Undefined for what is none, or not whole. */
function programHeaderTypes(head: Buffer): number[] | undefined {
  if (head.length < 64 || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const is64 = head[4] === 2;
  const isLittle = head[5] === 1;
  const u16 = (at: number): number => (isLittle ? head.readUInt16LE(at) : head.readUInt16BE(at));
  const u32 = (at: number): number => (isLittle ? head.readUInt32LE(at) : head.readUInt32BE(at));
  const offset = !is64
    ? u32(28)
    : isLittle
      ? Number(head.readBigUInt64LE(32))
      : Number(head.readBigUInt64BE(32));
  const [size, count] = is64 ? [u16(54), u16(56)] : [u16(42), u16(44)];
  if (count === 0 || offset + size * count > head.length || size < 4) return undefined;
  return Array.from({ length: count }, (_, at) => u32(offset + at * size));
}
