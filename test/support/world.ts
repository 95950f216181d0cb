import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCli, startDaemon, temporaryFolder, type CliResult, type Daemon } from './cli.ts';

export const worldDevice = 'kiosk-1';

/** Answers an invocation with its own `answer`, so that a test can see which version runs. */
const functionSource = (answer: string): string =>
  `export default { invoke() { return ${JSON.stringify(answer)}; } };\n`;

const manifestOf = (bundle: string): string => `apiVersion: holdfast/v1
kind: Machine
metadata: { name: ${worldDevice} }
functions:
  which: { bundle: ${bundle} }
`;

/** A control plane and an enrolled device, each a process of the CLI, in a folder of their own. */
export class World implements AsyncDisposable {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  cloud: Daemon | undefined;
  agent: Daemon | undefined;
  readonly #dispose: () => PromiseLike<void>;

  private constructor(folder: string, dispose: () => PromiseLike<void>) {
    this.folder = folder;
    this.#dispose = dispose;
    this.env = {
      HOLDFAST_CONTEXT: join(folder, 'cloud', 'operator.json'),
      HOLDFAST_ROOT: this.root,
      HOME: folder,
    };
  }

  static async open(): Promise<World> {
    const temporary = await temporaryFolder();
    const world = new World(temporary.path, () => temporary[Symbol.asyncDispose]());
    try {
      await world.startCloud();
      const { token } = (await world.json('devices', 'enrol', worldDevice)) as { token: string };
      await world.startAgent('--token', token);
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  get root(): string {
    return join(this.folder, 'device');
  }

  cli(...parameters: string[]): Promise<CliResult> {
    return runCli(parameters, { env: this.env });
  }

  /** Rejects with what the command said unless it ends with 0. */
  async json(...parameters: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.cli(...parameters, '--json');
    if (code !== 0)
      throw new Error(`holdfast ${parameters.join(' ')} ended with ${String(code)}: ${stderr}${stdout}`);
    return JSON.parse(stdout) as unknown;
  }

  async startCloud(...more: string[]): Promise<void> {
    this.cloud = await startDaemon(
      ['cloud', 'up', '--folder', join(this.folder, 'cloud'), ...more],
      this.env,
    );
  }

  async startAgent(...more: string[]): Promise<void> {
    this.agent = await startDaemon(
      ['agent', 'up', '--root', this.root, '--mqtt-port', '0', ...more],
      this.env,
    );
  }

  /** Builds and pushes a version of the function; its digest. */
  async push(answer: string): Promise<string> {
    const folder = join(this.folder, 'which');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'index.ts'), functionSource(answer));
    const { digest } = (await this.json('push', folder, '--name', 'functions/which:latest')) as {
      digest: string;
    };
    return digest;
  }

  /** Writes a manifest that runs the function and deploys it, waiting for the device. */
  async deploy(bundle = 'functions/which:latest'): Promise<CliResult> {
    const file = join(this.folder, 'machine.source.yaml');
    await writeFile(file, manifestOf(bundle));
    return this.cli('deploy', file, '--wait', '30s');
  }

  /** Deploys a manifest that has this beside its head, and waits for the device. Rejects unless it is committed there. */
  async deployMachine(sections: object): Promise<void> {
    const head = { apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name: worldDevice } };
    const file = join(this.folder, 'machine.source.json');
    await writeFile(file, JSON.stringify({ ...head, ...sections }));
    await this.json('deploy', file, '--wait', '60s');
  }

  /** What the function on the device answers: proof of which version runs there. */
  async running(): Promise<unknown> {
    const { result } = (await this.json('invoke', 'which')) as { result: unknown };
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]();
    await this.cloud?.[Symbol.asyncDispose]();
    await this.#dispose();
  }
}
