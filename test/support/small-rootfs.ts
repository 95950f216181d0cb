import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';

const usual = [
  'sh',
  'cat',
  'env',
  'head',
  'id',
  'ls',
  'mkdir',
  'setsid',
  'sleep',
  'touch',
  'true',
  'unshare',
  'yes',
];

/**
 * A tree that programs run in: some of this machine's with the libraries they need, in `bin/`, and `etc/passwd`. It has no `proc`,
 * `dev`, `tmp` nor `run`, as small images have none. Returns `folder`.
 */
export function smallRootfs(folder: string, programs: readonly string[] = usual): string {
  for (const name of ['bin', 'etc']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\napp:x:1000:\n');
  for (const program of programs) addProgram(folder, program);
  return folder;
}

/** `program`: on the PATH of this machine, or a path. It becomes `bin/NAME`. */
function addProgram(folder: string, program: string): void {
  const file = realpathSync(program.includes('/') ? program : onPath(program));
  copyFileSync(file, join(folder, 'bin', basename(program)));
  for (const [library] of output('ldd', [file]).matchAll(/\/\S+/g)) addLibrary(folder, library);
}

/** At the path that the loader looks for; folders that are links here (`/lib64`) become folders. */
function addLibrary(folder: string, library: string): void {
  const target = join(folder, library);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(realpathSync(library), target);
}

function onPath(program: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? program;
}

function output(program: string, args: readonly string[]): string {
  return spawnSync(program, args, { encoding: 'utf8' }).stdout;
}
