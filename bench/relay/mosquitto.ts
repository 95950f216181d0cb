import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CertificateAuthority } from '../../cloud-sync/trust/index.ts';
import { freePort } from '../../examples/story/network.ts';

/** Nothing waits for room, nothing is written to disk, no write waits for another: mosquitto at its fastest. */
const fastest = [
  'allow_anonymous true',
  'persistence false',
  'max_inflight_messages 0',
  'max_queued_messages 0',
  'max_queued_bytes 0',
  'set_tcp_nodelay true',
  'log_type error',
];

const startMs = 10_000;
const maxSaidChars = 2000;

/** A mosquitto of its own on a port of this machine. */
export class Mosquitto implements AsyncDisposable {
  readonly port: number;
  readonly #stack: AsyncDisposableStack;

  private constructor(port: number, stack: AsyncDisposableStack) {
    this.port = port;
    this.#stack = stack;
  }

  /** `listener`: lines about its port; `more`: lines after that. */
  static async open({
    listener = [],
    more = [],
  }: { listener?: readonly string[]; more?: readonly string[] } = {}): Promise<Mosquitto> {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'bench-mosquitto-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const port = await freePort();
    const file = join(folder, 'mosquitto.conf');
    // Started by root it would become a user who cannot read its certificates.
    const user = `user ${userInfo().username}`;
    await writeFile(
      file,
      [user, ...fastest, `listener ${port} 127.0.0.1`, ...listener, ...more, ''].join('\n'),
    );
    const child = spawn('mosquitto', ['-c', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin` },
    });
    const failed = Promise.withResolvers<never>();
    child.once('error', (cause) => failed.reject(new Error('Cannot start mosquitto', { cause })));
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-maxSaidChars)));
    child.once('exit', (code) => {
      failed.reject(new Error(`mosquitto ended with ${code ?? 'a signal'}: ${said}`));
    });
    stack.defer(async () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    });
    failed.promise.catch(() => undefined); // Its end later on is no news.
    await Promise.race([answers(port), failed.promise]);
    return new Mosquitto(port, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function answers(port: number): Promise<void> {
  for (const deadline = performance.now() + startMs; ;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (cause) {
      if (performance.now() > deadline) throw new Error(`mosquitto does not listen on ${port}`, { cause });
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
}

/** A mosquitto behind TLS, as a cloud would have it. `ca`: what its clients trust, PEM and path. */
export type TlsMosquitto = AsyncDisposable & {
  readonly port: number;
  readonly ca: string;
  readonly caFile: string;
};

export async function openTlsMosquitto(): Promise<TlsMosquitto> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'bench-tls-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const authority = await CertificateAuthority.open({ folder });
  const { certificatePem, privateKeyPem } = await authority.issueServer({
    hosts: ['localhost', '127.0.0.1'],
  });
  const path = (name: string): string => join(folder, name);
  const caFile = path('ca.pem');
  await writeFile(path('server.pem'), certificatePem);
  await writeFile(path('server-key.pem'), privateKeyPem, { mode: 0o600 });
  const listener = [`certfile ${path('server.pem')}`, `keyfile ${path('server-key.pem')}`];
  const { port } = stack.use(await Mosquitto.open({ listener }));
  const opened = stack.move();
  return { port, ca: authority.caPem, caFile, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** A mosquitto whose messages on `filter` go on to `far` with QoS 1, over TLS. */
export function openBridge(far: TlsMosquitto, filter: string): Promise<Mosquitto> {
  const more = [
    'connection far',
    `address localhost:${far.port}`,
    `topic ${filter} out 1`,
    `bridge_cafile ${far.caFile}`,
    'cleansession false',
    'notifications false',
    'restart_timeout 1 1',
  ];
  return Mosquitto.open({ more });
}
