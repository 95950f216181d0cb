import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { errorMessage } from '../../lib/error-code.ts';
import { addNode, buildDashboard, type DashboardRelease } from '../apps/dashboard/build.ts';
import type { Narrator } from './narrator.ts';
import { holdfast, holdfastText, type Environment } from './processes.ts';

const example = fileURLToPath(new URL('../greenhouse-dashboard.yaml', import.meta.url));
const reference = 'apps/dashboard:latest';
/** As in the example. */
const examplePort = '8080';
const password = 'dashboard';
const waitMs = 30_000;

export type DashboardOptions = {
  readonly folder: string;
  readonly root: string;
  readonly machineFile: string;
  readonly device: string;
  readonly port: number;
  readonly environment: Environment;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
};

const isolationNames = ['container', 'sandbox', 'process'] as const;
type Isolation = (typeof isolationNames)[number];
const availableSchema = z.object({ available: z.boolean() });
const statusSchema = z.object({
  isolations: z.object({ container: availableSchema, sandbox: availableSchema, process: availableSchema }),
  phase: z.string(),
  apps: z.record(z.string(), z.object({ pid: z.number().nullable() })),
});
const builtSchema = z.object({ digest: z.string(), size: z.number() });
const deployedSchema = z.object({ generation: z.number(), digest: z.string() });
const readingsSchema = z.object({ readings: z.array(z.object({ date: z.string() })) });
const healthSchema = z.object({ connected: z.boolean() });
const fetchedSchema = z.object({
  event: z.literal('image.fetched'),
  image: z.string(),
  bytesFetched: z.number(),
});

export type DeployedManifest = z.output<typeof deployedSchema>;

/** The dashboard of the quickstart: built as an image, deployed beside the function, updated, broken, rolled back. */
export class DashboardApp {
  readonly #options: DashboardOptions;
  readonly #tree: string;
  readonly #manifest: string;

  constructor(options: DashboardOptions) {
    this.#options = options;
    this.#tree = join(options.folder, 'dashboard');
    this.#manifest = join(options.folder, 'greenhouse-dashboard.yaml');
  }

  get url(): string {
    return `http://127.0.0.1:${this.#options.port}`;
  }

  /** Builds and pushes the first release, and deploys a manifest with it. */
  async install(): Promise<DeployedManifest> {
    const { narrator, environment, signal, port } = this.#options;
    const isolation = await this.#isolation();
    await addNode(this.#tree);
    await this.#push(1);
    const text = await readFile(example, 'utf8');
    const own = text
      .replaceAll(examplePort, String(port))
      .replace('isolation: container', `isolation: ${isolation}`);
    await writeFile(this.#manifest, own);
    await this.#giveSecret();
    const words = ['deploy', this.#manifest, '--out', this.#options.machineFile, '--wait', '60s'];
    const deployed = deployedSchema.parse(await holdfast(words, environment, signal));
    narrator.note(`it runs as a ${isolation}, and is well: ${this.url}`);
    return deployed;
  }

  /** Secrets are in no file: whoever has lost the machine sets them again. Resolves when the dashboard hears of new days again. */
  async resume(): Promise<void> {
    await this.#giveSecret();
    await this.#eventually(async () => {
      const answer = await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(2000) });
      return healthSchema.parse(await answer.json()).connected;
    });
  }

  async #giveSecret(): Promise<void> {
    const { folder, root, environment, signal } = this.#options;
    const file = join(folder, 'dashboard-password');
    await writeFile(file, password, { mode: 0o600 });
    await holdfast(
      ['secrets', 'set', 'dashboard-password', '--from-file', file, '--root', root],
      environment,
      signal,
    );
  }

  /** Whether its page has the reading of this day as the last one, as soon as it has it. */
  showsDay(date: string): Promise<boolean> {
    return this.#eventually(async () => (await this.#lastDay()) === date);
  }

  /** Of what runs in it. */
  async processId(): Promise<number | undefined> {
    return (await this.#status()).apps.dashboard?.pid ?? undefined;
  }

  /** The second release, of which the device fetches what it lacks. */
  async update(): Promise<void> {
    const { narrator, environment, signal, machineFile } = this.#options;
    const before = await this.#lastDay();
    const { digest, size } = await this.#push(2);
    await holdfast(['deploy', this.#manifest, '--out', machineFile, '--wait', '60s'], environment, signal);
    const bytes = await this.#fetchedBytes(digest);
    narrator.check(
      'the new version came as a small delta',
      bytes < size / 20 && (await this.#isSecondRelease()),
      `${(bytes / 1e3).toFixed(0)} kB of ${(size / 1e6).toFixed(1)} MB`,
    );
    narrator.check('its data stayed', (await this.#lastDay()) === before, `last day ${before ?? 'none'}`);
  }

  /** The third lacks its page: the device sees that it is not well and goes back; the operator makes that the desired state. */
  async breakAndRollBack(): Promise<DeployedManifest> {
    const { narrator, environment, signal, device } = this.#options;
    await this.#push(3);
    const why = await holdfast(['deploy', this.#manifest, '--wait', '60s'], environment, signal).then(
      () => 'it was committed',
      (error: unknown) => errorMessage(error),
    );
    const { phase } = await this.#status();
    const isBack = phase === 'rolledBack' && (await this.#isSecondRelease());
    narrator.check('a broken version was rolled back by itself', isBack, reasonIn(why));
    return deployedSchema.parse(await holdfast(['rollback', device, '--wait', '60s'], environment, signal));
  }

  async #isolation(): Promise<Isolation> {
    const status = await this.#status();
    return isolationNames.find((name) => status.isolations[name].available) ?? 'process';
  }

  async #status(): Promise<z.output<typeof statusSchema>> {
    const { root, environment, signal } = this.#options;
    return statusSchema.parse(await holdfast(['status', '--root', root], environment, signal));
  }

  async #push(release: DashboardRelease): Promise<z.output<typeof builtSchema>> {
    const { environment, signal, narrator } = this.#options;
    await buildDashboard(this.#tree, release);
    const words = ['image', 'build', this.#tree, '-t', reference, '--push'];
    const built = builtSchema.parse(await holdfast(words, environment, signal));
    narrator.note(`version ${release}: ${built.digest.slice(0, 19)}…, ${(built.size / 1e6).toFixed(1)} MB`);
    return built;
  }

  async #fetchedBytes(digest: string): Promise<number> {
    const { environment, root, signal } = this.#options;
    const words = ['logs', '--root', root, '-n', '1000'];
    const lines = await holdfastText(words, environment, signal);
    const fetched = lines
      .split('\n')
      .flatMap((line) => fetchedSchema.safeParse(line === '' ? null : JSON.parse(line)).data ?? [])
      .findLast(({ image }) => image.endsWith(digest));
    return fetched?.bytesFetched ?? Number.NaN;
  }

  async #lastDay(): Promise<string | undefined> {
    const answer = await fetch(`${this.url}/api/readings`, { signal: AbortSignal.timeout(2000) });
    return readingsSchema.parse(await answer.json()).readings.at(-1)?.date;
  }

  /** It may be starting just now. */
  #isSecondRelease(): Promise<boolean> {
    return this.#eventually(async () => {
      const answer = await fetch(this.url, { signal: AbortSignal.timeout(2000) });
      return (await answer.text()).includes('by the day');
    });
  }

  async #eventually(holds: () => Promise<boolean>): Promise<boolean> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      if (await holds().catch(() => false)) return true;
      if (performance.now() > deadline) return false;
      await sleep(100, undefined, { signal: this.#options.signal });
    }
  }
}

/** What the command said, without the words that were typed. */
function reasonIn(text: string): string {
  return /App dashboard .*/.exec(text)?.[0].split('; last line')[0] ?? text;
}
