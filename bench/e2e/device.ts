import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Narrator } from '../../examples/story/narrator.ts';
import { freePort } from '../../examples/story/network.ts';
import { holdfast, Service, type Environment } from '../../examples/story/processes.ts';
import { createHttpsClient, type HttpsClient } from '../../lib/https-client.ts';
import { hashPassword } from '../../lib/password.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
/** The built program: what people install is what is measured. */
const program = fileURLToPath(new URL('../../dist/holdfast.mjs', import.meta.url));

export const station = { username: 'station', password: 'bench' } as const;
const device = 'bench-device';

const manifest = async (): Promise<string> => `
apiVersion: holdfast/v1
kind: Machine
metadata: { name: ${device} }
functions:
  relay:
    bundle: functions/relay:latest
    on: [{ mqtt: in/# }]
    bindings: { OUT: { publish: out/events } }
    limits: { queue: 100000 }
streams:
  out: { topics: [out/#], relay: { priority: 1 } }
clients:
  ${station.username}:
    password: ${await hashPassword(station.password)}
    publish: [in/#]
    subscribe: [out/#]
`;

/** A cloud and a device of their own processes, one function deployed, everything from the built program. */
export class BenchDevice implements AsyncDisposable {
  readonly mqttPort: number;
  readonly #stack: AsyncDisposableStack;
  readonly #http: HttpsClient;
  readonly #context: { url: string; token: string };
  readonly #agent: Service;
  readonly #root: string;
  readonly #environment: Environment;
  #cursor = 0;

  private constructor(parts: {
    mqttPort: number;
    stack: AsyncDisposableStack;
    http: HttpsClient;
    context: { url: string; token: string };
    agent: Service;
    root: string;
    environment: Environment;
  }) {
    this.mqttPort = parts.mqttPort;
    this.#stack = parts.stack;
    this.#http = parts.http;
    this.#context = parts.context;
    this.#agent = parts.agent;
    this.#root = parts.root;
    this.#environment = parts.environment;
  }

  static async open(signal: AbortSignal): Promise<BenchDevice> {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const cloudFolder = join(folder, 'cloud');
    const environment = { HOLDFAST_CONTEXT: join(cloudFolder, 'operator.json') };
    const narrator = new Narrator(false);
    const cloud = new Service({
      name: 'cloud',
      parameters: ['cloud', 'up', '--folder', cloudFolder],
      environment,
      narrator,
      program,
    });
    await stack.use(cloud).start();

    const { token } = (await holdfast(['devices', 'enrol', device], environment, signal, program)) as {
      token: string;
    };
    const root = join(folder, 'device');
    const mqttPort = await freePort();
    const parameters = ['agent', 'up', '--root', root, '--mqtt-port', String(mqttPort), '--token', token];
    const agent = stack.use(new Service({ name: 'agent', parameters, environment, narrator, program }));
    await agent.start();

    await holdfast(
      ['push', join(here, 'relay-function'), '--name', 'functions/relay:latest'],
      environment,
      signal,
      program,
    );
    const file = join(folder, 'machine.source.yaml');
    await writeFile(file, await manifest());
    await holdfast(
      ['deploy', file, '--out', join(folder, 'machine.yaml'), '--wait', '60s'],
      environment,
      signal,
      program,
    );
    const context = JSON.parse(await readFile(environment.HOLDFAST_CONTEXT, 'utf8')) as {
      url: string;
      token: string;
      ca: string;
    };
    const http = stack.use(createHttpsClient({ ca: context.ca }));
    return new BenchDevice({ mqttPort, stack: stack.move(), http, context, agent, root, environment });
  }

  /** Rows stored since the last call: the payload as JSON, and when the cloud stored it (milliseconds since 1970). */
  async newRows(): Promise<{ value: unknown; receivedMs: number }[]> {
    const url = `${this.#context.url}/v1/devices/${device}/messages?after=${this.#cursor}&limit=1000`;
    const answer = await this.#http.request({
      url,
      headers: { authorization: `Bearer ${this.#context.token}` },
    });
    const { messages } = JSON.parse(Buffer.from(await answer.bytes(64 * 2 ** 20)).toString('utf8')) as {
      messages: { id: number; received: string; payload: string }[];
    };
    this.#cursor = messages.at(-1)?.id ?? this.#cursor;
    return messages.map(({ payload, received }) => ({
      value: JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as unknown,
      receivedMs: Date.parse(received),
    }));
  }

  /** Stops the agent in an orderly way and starts it on the same root; milliseconds from spawn to its `ready` line. */
  async restartAgent(): Promise<number> {
    await this.#agent.stop();
    const begun = performance.now();
    await this.#agent.start();
    return performance.now() - begun;
  }

  /** Proportional set size of the agent and its function hosts, in bytes (`/proc/PID/smaps_rollup`); null off Linux. */
  async pssBytes(signal: AbortSignal): Promise<number | null> {
    const status = (await holdfast(['status', '--root', this.#root], this.#environment, signal, program)) as {
      pid: number;
      hostPids: number[];
    };
    const sizes = await Promise.all([status.pid, ...status.hostPids].map(pssOf));
    return sizes.every((size) => size !== null) ? sizes.reduce((sum, size) => sum + size, 0) : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function pssOf(pid: number): Promise<number | null> {
  try {
    const match = /^Pss:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return match ? Number(match[1]) * 1024 : null;
  } catch {
    return null;
  }
}
