import { badArchive, quoted } from './bad-archive.ts';

/** As Linux bounds them (limits.h). */
const maxPathBytes = 4095;
const maxNameBytes = 255;
const maxDepth = 256;

/**
 * The names that a path of an archive is made of; none for the root itself. Throws `badArchive` for what is absolute, climbs, or is
 * longer than a path can be.
 */
export function layerPath(text: string): string[] {
  if (text === '') throw badArchive('an entry has no name');
  if (text.startsWith('/')) throw badArchive(`${quoted(text)} is an absolute path`);
  if (text.includes('\0')) throw badArchive(`${quoted(text)} has a NUL in it`);
  if (Buffer.byteLength(text) > maxPathBytes) throw tooLong(text);
  const names = text.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw badArchive(`${quoted(text)} leads out of the image`);
  if (names.length > maxDepth || names.some((name) => Buffer.byteLength(name) > maxNameBytes))
    throw tooLong(text);
  return names;
}

function tooLong(text: string): Error {
  return badArchive(
    `${quoted(text)} is longer than a path can be: ${maxPathBytes} bytes, ${maxNameBytes} a name, ${maxDepth} deep`,
  );
}
