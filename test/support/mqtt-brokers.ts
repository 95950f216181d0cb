import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { freePort } from '../../examples/story/network.ts';

/** A broker by somebody else, in a process of its own. */
export type PeerBroker = AsyncDisposable & {
  readonly port: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  start(): Promise<void>;
};

/** mosquitto with `lines` of configuration behind the listener; what it holds survives its death. */
export async function openMosquitto(folder: string, lines: readonly string[] = ['allow_anonymous true']) {
  const port = await freePort();
  const path = join(folder, 'mosquitto.conf');
  const config = [
    `listener ${port} 127.0.0.1`,
    ...lines,
    ...[
      'persistence true',
      `persistence_location ${folder}/`,
      'autosave_on_changes true',
      'autosave_interval 1',
    ],
    ...['max_queued_messages 100000', 'user root'],
  ];
  await writeFile(path, `${config.join('\n')}\n`);
  return runBroker(port, ['/usr/sbin/mosquitto', '-c', path]);
}

export async function openNats(folder: string): Promise<PeerBroker> {
  const [port, mqttPort] = [await freePort(), await freePort()];
  const path = join(folder, 'nats.conf');
  await mkdir(join(folder, 'jetstream'));
  await writeFile(
    path,
    `server_name: peer\nlisten: 127.0.0.1:${port}\njetstream { store_dir: "${folder}/jetstream" }\nmqtt { listen: 127.0.0.1:${mqttPort} }\n`,
  );
  return runBroker(mqttPort, ['nats-server', '-c', path]);
}

async function runBroker(
  port: number,
  [program, ...args]: readonly [string, ...string[]],
): Promise<PeerBroker> {
  let child = spawn(program, args, { stdio: 'ignore' });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  await reachable(port);
  return {
    port,
    kill,
    start: async () => {
      child = spawn(program, args, { stdio: 'ignore' });
      await reachable(port);
    },
    [Symbol.asyncDispose]: kill,
  };
}

async function reachable(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await sleep(50);
  }
}

export type PeerClient = AsyncDisposable & {
  readonly client: mqtt.MqttClient;
  /** What it received, as `topic text`, in order. */
  readonly received: string[];
};

/** A client of the peer that comes back by itself, with a session that is kept. */
export async function openPeerClient(
  port: number,
  { filter, qos = 1, ...options }: mqtt.IClientOptions & { filter?: string; qos?: 0 | 1 | 2 } = {},
): Promise<PeerClient> {
  const received: string[] = [];
  const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
    ...{ clientId: 'judge', clean: false, reconnectPeriod: 100, manualConnect: true },
    ...options,
  });
  client.on('error', () => undefined);
  client.on('message', (topic, payload) => received.push(`${topic} ${payload.toString()}`));
  const connected = new Promise<void>((resolve) => client.once('connect', () => resolve()));
  client.connect();
  await connected;
  if (filter !== undefined) await client.subscribeAsync(filter, { qos });
  return { client, received, [Symbol.asyncDispose]: () => client.endAsync(true) };
}

/** A certificate authority with a server and a client certificate of its own, as PEM files in `folder`. */
export function makeCertificates(folder: string): void {
  const run = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  run('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Peer CA');
  for (const name of ['server', 'client']) {
    const extension = name === 'server' ? ['-addext', 'subjectAltName=IP:127.0.0.1'] : [];
    run(
      'req',
      '-x509',
      ...key,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      ...extension,
      '-subj',
      `/CN=${name}`,
      ...['-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', `${name}.key`, '-out', `${name}.pem`],
    );
  }
}
