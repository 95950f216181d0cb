import { mkdir, open, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { syncFolder } from '../../../lib/atomic-write.ts';
import { errorCode } from '../../../lib/error-code.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { Machine } from '../../../manifests/machine.ts';
import type { AppImages } from '../ports.ts';
import { findPrograms } from './find-programs.ts';
import { shimText } from './shim.ts';

export type ExportsOptions = {
  /** The agent's root folder. */
  readonly root: string;
  readonly logger: Logger;
};

/** Shims by name. */
type Shims = ReadonlyMap<string, string>;

const linkName = 'bin';

/**
 * Programs of images on a PATH folder: `bin` in the agent's root, a link to the shims of one generation. Another generation's are
 * written beside them, and one rename makes them the ones that are found. [G2] The trees they name are those of the generation that
 * runs, which the store keeps.
 */
export class Exports {
  readonly #root: string;
  readonly #logger: Logger;
  #names: readonly string[] = [];
  #configuring: Promise<void> = Promise.resolve();

  constructor({ root, logger }: ExportsOptions) {
    this.#root = root;
    this.#logger = logger;
  }

  /** To be put on the PATH. */
  get folder(): string {
    return join(this.#root, linkName);
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /**
   * Follows a generation: idempotent, one call after the other. Rejects with AgentError 'badImage' when an image has no such program,
   * and then the shims of before are still there.
   */
  configure(machine: Pick<Machine, 'apps'>, images: AppImages): Promise<void> {
    const turn = this.#configuring.then(() => this.#configure(machine, images));
    this.#configuring = turn.catch(() => undefined);
    return turn;
  }

  async #configure(machine: Pick<Machine, 'apps'>, images: AppImages): Promise<void> {
    const programs = await findPrograms(machine.apps, images);
    const shims = new Map(programs.map((program) => [program.name, shimText(program)]));
    const current = await this.#current();
    if (current === undefined ? shims.size > 0 : !(await holds(join(this.#root, 'tools', current), shims))) {
      await this.#switch(shims);
      this.#logger.info('exports.switched', { folder: this.folder, programs: [...shims.keys()] });
    }
    this.#names = [...shims.keys()];
    await this.#forgetOthers();
  }

  /** The folder of shims that `bin` names. */
  async #current(): Promise<string | undefined> {
    try {
      return basename(await readlink(this.folder));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #switch(shims: Shims): Promise<void> {
    const tools = join(this.#root, 'tools');
    await mkdir(tools, { recursive: true, mode: 0o755 });
    const numbers = (await readdir(tools)).map(Number).filter(Number.isSafeInteger);
    const next = String(Math.max(0, ...numbers) + 1);
    await writeShims(join(tools, next), shims);
    await syncFolder(tools);
    const link = `${this.folder}.next`;
    await rm(link, { force: true });
    await symlink(join('tools', next), link);
    await rename(link, this.folder);
    await syncFolder(this.#root);
  }

  /** Also what a crash left behind. A shim that runs is a program that took its place, so none is needed any more. */
  async #forgetOthers(): Promise<void> {
    const tools = join(this.#root, 'tools');
    const current = await this.#current();
    const names = await readdir(tools).catch(() => []);
    for (const name of names.filter((one) => one !== current)) {
      await rm(join(tools, name), { recursive: true, force: true });
    }
  }
}

/** Whether a folder has these shims and nothing else. */
async function holds(folder: string, shims: Shims): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  if (names.length !== shims.size) return false;
  for (const [name, text] of shims) {
    if ((await readFile(join(folder, name), 'utf8').catch(() => undefined)) !== text) return false;
  }
  return true;
}

/** Resolves when they are on disk. */
async function writeShims(folder: string, shims: Shims): Promise<void> {
  await mkdir(folder, { mode: 0o755 });
  for (const [name, text] of shims) {
    await using file = await open(join(folder, name), 'wx', 0o755);
    await file.writeFile(text);
    await file.chmod(0o755);
    await file.sync();
  }
  await syncFolder(folder);
}
