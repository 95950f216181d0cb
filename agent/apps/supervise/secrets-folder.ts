import { constants, existsSync, rmSync } from 'node:fs';
import {
  access,
  chmod,
  lchown,
  lstat,
  mkdir,
  open,
  readdir,
  rmdir,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from 'node:crypto';
import { errorCode } from '../../../lib/error-code.ts';
import { makeFolder } from '../../../lib/make-folder.ts';
import { AgentError } from '../../errors.ts';
import type { LaunchSpec } from '../ports.ts';

/** By name. */
export type SecretValues = ReadonlyMap<string, string>;

/** Of tmpfs, linux/magic.h. */
const tmpfsMagic = 0x01021994;

/**
 * The secrets of apps, as files for each app's own user: in memory where the machine has a tmpfs for it, so that what an app is given
 * is on no disk but the agent's.
 */
export class SecretsFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** The same folder at each start of the agent; it is there while an app has a secret. */
  static async open(root: string): Promise<SecretsFolder> {
    const name = `holdfast-${hash('sha256', root, 'hex').slice(0, 16)}`;
    for (const memory of ['/run', '/dev/shm'])
      if (await isUsable(memory, join(memory, name))) return new SecretsFolder(join(memory, name));
    return new SecretsFolder(join(root, 'apps', 'secrets'));
  }

  /** Whether what the app has been given is exactly this. */
  async holds(app: string, values: SecretValues): Promise<boolean> {
    const folder = join(this.path, app);
    try {
      const names = await readdir(folder);
      if (names.length !== values.size) return false;
      for (const [name, value] of values) if (!(await isFileOf(join(folder, name), value))) return false;
      return true;
    } catch {
      return false;
    }
  }

  /** Replaces what the app is given; not while it runs. */
  async write(app: string, values: SecretValues, user: LaunchSpec['user']): Promise<void> {
    const folder = join(this.path, app);
    await this.remove(app);
    await makeFolder(this.path, { mode: 0o711 });
    if (!(await isOwn(this.path))) throw notOwn(this.path);
    await mkdir(folder, { mode: 0o700 });
    // Only root may give files away; another user's apps run as that user.
    const isRoot = process.getuid?.() === 0;
    for (const [name, value] of values) {
      const path = join(folder, name);
      await writeFile(path, value, { flag: 'wx', mode: 0o400 });
      if (isRoot) await lchown(path, user.uid, user.gid);
    }
    await chmod(folder, 0o500);
    // Last: from then on whoever is that user may put anything there, a link to a file of root too.
    if (isRoot) await lchown(folder, user.uid, user.gid);
  }

  async remove(app: string): Promise<void> {
    const folder = join(this.path, app);
    await takeBack(folder).catch(() => undefined);
    // Not node's promise of it, which follows a link that a folder becomes meanwhile.
    rmSync(folder, { recursive: true, force: true });
    // Only when it was the last.
    await rmdir(this.path).catch(() => undefined);
  }
}

async function takeBack(folder: string): Promise<void> {
  if (process.getuid?.() === 0) await lchown(folder, 0, 0);
  await chmod(folder, 0o700);
}

/** The app's user can have put anything in its place: a fifo is not waited for, a link not followed, and no more read than is due. */
async function isFileOf(path: string, value: string): Promise<boolean> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const found = await file.stat();
  const bytes = Buffer.from(value);
  if (!found.isFile() || found.size !== bytes.byteLength) return false;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes.byteLength), 0, bytes.byteLength, 0);
  return buffer.subarray(0, bytesRead).equals(bytes);
}

/** Whether `path` is, or can be made, a folder of this user in a memory file system. */
async function isUsable(memory: string, path: string): Promise<boolean> {
  try {
    if ((await statfs(memory)).type !== tmpfsMagic) return false;
    await access(memory, constants.W_OK);
    return await isOwn(path);
  } catch (error) {
    return errorCode(error) === 'ENOENT' && existsSync(memory);
  }
}

/** In a folder that all may write to, another user can have been quicker. */
async function isOwn(path: string): Promise<boolean> {
  const found = await lstat(path);
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

function notOwn(path: string): AgentError {
  return new AgentError('broken', `${path}, for secrets of apps, is not a folder of the agent alone`, {
    hint: 'Remove it: the agent makes it anew.',
  });
}
