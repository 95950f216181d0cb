import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../examples/story/network.ts';
import { peerScript } from './bundles.ts';

/** workerd with the same handler, over HTTP with kept connections: how a Node program calls it. */
export class Workerd implements AsyncDisposable {
  readonly #port: number;
  readonly #agent: Agent;
  readonly #stack: AsyncDisposableStack;

  private constructor(port: number, agent: Agent, stack: AsyncDisposableStack) {
    this.#port = port;
    this.#agent = agent;
    this.#stack = stack;
  }

  static async open(connections: number): Promise<Workerd> {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'bench-workerd-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const port = await freePort();
    await writeFile(join(folder, 'worker.mjs'), await peerScript('worker'));
    await writeFile(join(folder, 'config.capnp'), configuration(port));
    const child = spawn(program(), ['serve', join(folder, 'config.capnp')], { stdio: 'ignore' });
    stack.defer(async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    stack.defer(() => agent.destroy());
    const workerd = new Workerd(port, agent, stack.move());
    await workerd.#ready();
    return workerd;
  }

  /** Sends the event as JSON, resolves to the parsed answer. */
  call(payload: unknown): Promise<unknown> {
    const body = JSON.stringify(payload);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const call = request(
        { agent: this.#agent, host: '127.0.0.1', port: this.#port, method: 'POST', path: '/', headers },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            if (response.statusCode === 200) resolve(JSON.parse(text));
            else reject(new Error(`workerd answers ${response.statusCode}: ${text.slice(0, 200)}`));
          });
        },
      );
      call.on('error', reject);
      call.end(body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #ready(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.call({ device: '', site: '', readings: [{ at: 0, value: 0 }] });
        return;
      } catch (error) {
        if (attempt >= 100) throw error;
        await sleep(50);
      }
    }
  }
}

/** The binary lies in the package for this platform. */
function program(): string {
  const resolve = createRequire(createRequire(import.meta.url).resolve('workerd/package.json')).resolve;
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch === 'x64' ? '64' : process.arch}`;
  return resolve(`@cloudflare/workerd-${platform}/bin/workerd`);
}

function configuration(port: number): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.mjs")],
  compatibilityDate = "2026-01-01",
);
`;
}
