import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import mqtt from 'mqtt';

export type Broker = AsyncDisposable & { readonly port: number };

/** Starts a program, `entry` the path of its script, that prints its port, and waits for that. */
export async function startBroker(entry: string, args: readonly string[]): Promise<Broker> {
  const program = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(program, 'exit');
  const lines = createInterface({ input: program.stdout });
  const [port] = (await Promise.race([
    once(lines, 'line'),
    ended.then(() => Promise.reject(new Error(`${entry} ended before it was ready`))),
  ])) as [string];
  return {
    port: Number(port),
    async [Symbol.asyncDispose]() {
      program.stdin.end();
      await ended;
    },
  };
}

/** Messages a second from the first publish to the last one at the subscriber, QoS 1 both ways, `inFlight` unacknowledged. */
export async function messagesPerSecond(
  port: number,
  options: {
    readonly publishTo: string;
    readonly subscribeTo: string;
    readonly payload: string;
    readonly messages: number;
    readonly inFlight: number;
  },
): Promise<number> {
  const { publishTo, subscribeTo, payload, messages, inFlight } = options;
  const connect = (clientId: string) =>
    mqtt.connectAsync({ host: '127.0.0.1', port, clientId, username: 'bench', password: 'bench' });
  const subscriber = await connect('subscriber');
  const publisher = await connect('publisher');
  await subscriber.subscribeAsync(subscribeTo, { qos: 1 });
  const all = Promise.withResolvers<undefined>();
  let received = 0;
  subscriber.on('message', () => {
    received++;
    if (received === messages) all.resolve(undefined);
  });
  const beganMs = performance.now();
  let sent = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (sent < messages) {
        sent++;
        await publisher.publishAsync(publishTo, payload, { qos: 1 });
      }
    }),
  );
  await all.promise;
  const perSecond = messages / ((performance.now() - beganMs) / 1000);
  await Promise.all([subscriber.endAsync(), publisher.endAsync()]);
  return perSecond;
}
