import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { directFlag, refusesDirect } from './direct-access.ts';

const pieceBytes = 2 ** 20;
/** Of a page of WebAssembly. */
const pageBytes = 65_536;

/**
 * Gives `take` a file piece by piece as its disk has it, past what the system remembers of it; what is still to be written is written
 * first. A piece is good until `take` has resolved. Resolves to false, before the first piece, where that cannot be done.
 */
export async function readFromDisk(
  path: string,
  take: (piece: Buffer, position: number) => void | Promise<void>,
): Promise<boolean> {
  if (directFlag === undefined || typeof WebAssembly === 'undefined') return false;
  let position = 0;
  try {
    await using file = await open(path, constants.O_RDONLY | directFlag);
    const memory = pageMemory();
    const { size } = await file.stat();
    while (position < size) {
      const { bytesRead } = await file.read(memory, 0, pieceBytes, position);
      if (bytesRead === 0) break;
      await take(memory.subarray(0, bytesRead), position);
      position += bytesRead;
    }
    return true;
  } catch (error) {
    if (position === 0 && refusesDirect(error)) return false;
    throw error;
  }
}

/** A disk wants memory that begins with a page. That of WebAssembly does on every node, without a look at its address. */
function pageMemory(): Buffer {
  return Buffer.from(new WebAssembly.Memory({ initial: pieceBytes / pageBytes }).buffer);
}
