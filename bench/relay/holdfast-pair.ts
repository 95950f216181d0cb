import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '../../agent/control/client.ts';
import { Narrator } from '../../examples/story/narrator.ts';
import { freePort } from '../../examples/story/network.ts';
import { holdfast, Service } from '../../examples/story/processes.ts';
import { hashPassword } from '../../lib/password.ts';
import { ByteCounter } from './byte-counter.ts';
import type { Endpoint } from './client-job.ts';
import { CloudMessages } from './cloud-messages.ts';

/** The built program: what people install is what is measured. */
const program = fileURLToPath(new URL('../../dist/holdfast.mjs', import.meta.url));

const device = 'bench-device';
const station = { username: 'station', password: 'bench' } as const;

/** What is published on `up/#` goes to the cloud, what is on `local/#` stays. */
const manifest = async (): Promise<string> => `
apiVersion: holdfast/v1
kind: Machine
metadata: { name: ${device} }
streams:
  up: { topics: [up/#], relay: { priority: 1 } }
  local: { topics: [local/#] }
clients:
  ${station.username}:
    password: ${await hashPassword(station.password)}
    publish: [up/#, local/#]
`;

type Parts = {
  readonly stack: AsyncDisposableStack;
  readonly cloud: Service;
  readonly cloudPid: number;
  readonly agentPid: number;
  readonly control: ControlClient;
  readonly messages: CloudMessages;
  readonly counter: ByteCounter;
  readonly local: Endpoint;
  readonly remote: Endpoint;
};

/** A cloud and a device, in processes of their own, both from the built program, on this machine. */
export class HoldfastPair implements AsyncDisposable {
  /** The device's broker. */
  readonly local: Endpoint;
  /** The cloud's, as an operator. */
  readonly remote: Endpoint;
  readonly messages: CloudMessages;
  /** Between device and cloud when `counted`; else nothing goes through it. */
  readonly counter: ByteCounter;
  readonly #parts: Parts;
  #cloudPid: number;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#cloudPid = parts.cloudPid;
    this.local = parts.local;
    this.remote = parts.remote;
    this.messages = parts.messages;
    this.counter = parts.counter;
  }

  /** `counted`: what device and cloud say to each other goes through the counter. */
  static async open({ counted, signal }: { counted: boolean; signal: AbortSignal }): Promise<HoldfastPair> {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const cloudFolder = join(folder, 'cloud');
    const environment = { HOLDFAST_CONTEXT: join(cloudFolder, 'operator.json') };
    const common = { environment, narrator: new Narrator(false), program };
    const cloudPort = await freePort();
    const counter = stack.use(await ByteCounter.open(cloudPort));
    const parameters = ['cloud', 'up', '--folder', cloudFolder, '--mqtt-port', String(cloudPort)];
    if (counted) parameters.push('--public-mqtt-url', `mqtts://localhost:${counter.port}`);
    const cloud = stack.use(new Service({ name: 'cloud', parameters, ...common }));
    const cloudPid = pidOf(await cloud.start());

    const run = (...words: string[]) => holdfast(words, environment, signal, program);
    const { token } = (await run('devices', 'enrol', device)) as { token: string };
    const root = join(folder, 'device');
    const port = await freePort();
    const agentParameters = ['agent', 'up', '--root', root, '--mqtt-port', String(port), '--token', token];
    const agent = stack.use(new Service({ name: 'agent', parameters: agentParameters, ...common }));
    const agentPid = pidOf(await agent.start());
    const file = join(folder, 'machine.source.yaml');
    await writeFile(file, await manifest());
    await run('deploy', file, '--out', join(folder, 'machine.yaml'), '--wait', '60s');

    const context = JSON.parse(await readFile(environment.HOLDFAST_CONTEXT, 'utf8')) as {
      url: string;
      token: string;
      ca: string;
    };
    const messages = stack.use(new CloudMessages({ ...context, device, stream: 'up' }));
    const control = stack.use(ControlClient.forRoot(root));
    return new HoldfastPair({
      ...{ cloud, control, messages, counter, cloudPid, agentPid },
      local: { url: `mqtt://127.0.0.1:${port}`, ...station },
      remote: {
        url: `mqtts://localhost:${cloudPort}`,
        ca: context.ca,
        username: 'operator',
        password: context.token,
      },
      stack: stack.move(),
    });
  }

  async stopCloud(): Promise<void> {
    await this.#parts.cloud.stop();
  }

  async startCloud(): Promise<void> {
    this.#cloudPid = pidOf(await this.#parts.cloud.start());
  }

  /** Of the agent and, while it runs, of the cloud. */
  get pids(): { readonly agent: number; readonly cloud: number } {
    return { agent: this.#parts.agentPid, cloud: this.#cloudPid };
  }

  /**
   * Resolves when the cloud has acknowledged `count` messages of the relayed stream since the device began, with the time
   * at which that was seen (milliseconds since 1970, at most `everyMs` late). Rejects after `timeoutMs` without progress.
   */
  async acknowledged(
    count: number,
    { everyMs, timeoutMs }: { everyMs: number; timeoutMs: number },
  ): Promise<number> {
    for (let last = -1, deadline = 0; ;) {
      const { streams } = await this.#parts.control.status();
      const { ackedSeq = 0, lastSeq = 0 } = streams.up ?? {};
      const nowMs = Date.now();
      if (ackedSeq >= count) return nowMs;
      if (ackedSeq > last) deadline = nowMs + timeoutMs;
      else if (nowMs > deadline)
        throw new Error(`The cloud acknowledged ${ackedSeq} of ${lastSeq} messages and no more`);
      last = ackedSeq;
      await sleep(everyMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.stack.disposeAsync();
  }
}

function pidOf(ready: Record<string, unknown>): number {
  if (typeof ready.pid !== 'number') throw new Error('A service does not say its pid when it is ready');
  return ready.pid;
}
