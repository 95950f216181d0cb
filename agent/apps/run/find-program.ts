import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { errorCode } from '../../../lib/error-code.ts';
import { AgentError } from '../../errors.ts';
import type { LaunchSpec } from '../ports.ts';
import { executableHeadBytes, executableKind, machinesOf } from './executable-kind.ts';
import { insidePath, placesOf } from './inside-path.ts';

/**
 * The app's program on this machine, without links. Rejects with `startFailed` when there is none, or none that can be run here:
 * before anything is started, so that every isolation says the same.
 */
export async function findProgram(spec: LaunchSpec): Promise<string> {
  const [program = ''] = spec.args;
  let unfit: string | undefined;
  for (const place of placesOf(spec, program)) {
    const path = await insidePath(spec, place);
    const found = path === undefined ? undefined : await stat(path).catch(nothing);
    if (path === undefined || found === undefined) continue;
    if (!found.isFile()) unfit ??= `${place} is no file`;
    else if ((found.mode & 0o111) === 0) unfit ??= `${place} is not executable`;
    else {
      await checkFormat(spec, place, path);
      return path;
    }
  }
  throw cannotStart(spec, unfit ?? notThere(program));
}

/** A program that looks fine and yet cannot be started. */
export function cannotStart(spec: LaunchSpec, why: string): AgentError {
  return new AgentError('startFailed', `Cannot start app ${spec.app}: ${why} (image ${spec.image})`);
}

function notThere(program: string): string {
  return program.includes('/')
    ? `there is no program ${program} in its image`
    : `there is no program ${program} on the PATH of its image`;
}

async function checkFormat(spec: LaunchSpec, place: string, path: string): Promise<void> {
  const kind = executableKind(await headOf(path));
  if (kind.kind === 'script') await checkNeeded(spec, place, kind.interpreter);
  else if (kind.kind === 'elf' && isOfThisMachine(kind.machine)) {
    if (kind.loader !== undefined) await checkNeeded(spec, place, kind.loader);
  } else if (!(await runsForeignFormats())) {
    const machine =
      kind.kind === 'elf' ? `a program for another processor than ${process.arch}` : 'no program';
    throw cannotStart(spec, `${place} is ${machine}`);
  }
}

function isOfThisMachine(machine: number): boolean {
  return machinesOf[process.arch]?.includes(machine) ?? true;
}

/** The kernel says "no such file" of the program when it is this that is missing. */
async function checkNeeded(spec: LaunchSpec, place: string, needed: string): Promise<void> {
  const isThere =
    spec.isolation === 'process'
      ? (await stat(needed).catch(nothing)) !== undefined
      : (await insidePath(spec, needed)) !== undefined;
  if (!isThere) throw cannotStart(spec, `${place} needs ${needed}, which is not there`);
}

async function headOf(path: string): Promise<Buffer> {
  // In a volume it may have become a fifo since it was looked at.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(executableHeadBytes), 0, executableHeadBytes, 0);
  return buffer.subarray(0, bytesRead);
}

/** Whether the kernel has been told of interpreters for other formats (binfmt_misc). */
async function runsForeignFormats(): Promise<boolean> {
  const names = await readdir('/proc/sys/fs/binfmt_misc').catch(() => []);
  return names.some((name) => name !== 'register' && name !== 'status');
}

function nothing(error: unknown): undefined {
  if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(errorCode(error) ?? '')) return undefined;
  throw error;
}
