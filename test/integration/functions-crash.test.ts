import { expect, test } from '@jest/globals';
import { DataPlane } from '../../agent/data-plane.ts';
import { FunctionRuntime } from '../../functions/index.ts';
import { silentLogger } from '../../lib/logger.ts';
import {
  FakeCloud,
  connectTo,
  eventually,
  machineWith,
  temporaryFolder,
  text,
} from '../support/data-plane.ts';
import { bundleOf, openSandbox, type Sandbox } from '../support/function-sandbox.ts';

/** Functions that take their host process down: the others' events are delivered again, the culprit is found and stopped. [G6] */
const killerLimits = { memory: '16MiB', cpu: '20s', timeout: '30s' };
const stuckLimits = { timeout: '300ms' };

type Crash = {
  readonly what: string;
  readonly body: string;
  readonly limits: Record<string, string>;
  /** What is done to the host while the function runs. */
  readonly hurt?: (pid: number) => void;
  readonly code: RegExp;
};

const crashes: readonly Crash[] = [
  {
    what: 'memory that V8 does not count',
    body: `invoke() { const kept = []; for (;;) { const memory = new WebAssembly.Memory({ initial: 256 }); new Uint8Array(memory.buffer).fill(1); kept.push(memory); } }`,
    limits: killerLimits,
    code: /^(memory|hostLost)$/,
  },
  {
    what: 'a host that is stuck and does not stop the function',
    body: `invoke() { return new Promise(() => {}); }`,
    limits: stuckLimits,
    hurt: (pid) => process.kill(pid, 'SIGSTOP'),
    code: /^timeout$/,
  },
  {
    what: 'a crash of the process itself',
    body: `invoke() { return new Promise(() => {}); }`,
    limits: killerLimits,
    hurt: (pid) => process.kill(pid, 'SIGSEGV'),
    code: /^hostLost$/,
  },
];

/** As the agent does: what is no fault of the event is delivered again. */
async function deliver(sandbox: Sandbox, name: string, payload: unknown): Promise<unknown> {
  for (;;) {
    try {
      return await sandbox.invoke(name, payload);
    } catch (error) {
      if ((error as { transient?: unknown }).transient !== true) throw error;
    }
  }
}

test.each(crashes.map((crash) => [crash.what, crash] as const))(
  'the event of a neighbour is answered in spite of %s',
  async (_what, { body, limits, hurt, code }) => {
    await using sandbox = await openSandbox();
    await sandbox.deploy('killer', body, { limits });
    const slow = `async invoke(n) { await new Promise((resolve) => setTimeout(resolve, 100)); return n; }`;
    await sandbox.deploy('neighbour', slow, { limits: { concurrency: 50 } });
    const [pid = 0] = sandbox.runtime.hostPids();
    const killing = sandbox.invoke('killer').catch((error: unknown) => error);
    const events = Array.from({ length: 20 }, (_, n) => deliver(sandbox, 'neighbour', n));
    hurt?.(pid);
    expect(await killing).toMatchObject({ code: expect.stringMatching(code) });
    expect(await Promise.all(events)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(sandbox.runtime.hostPids()).not.toContain(pid);
  },
);

test('a function that goes on is put into a host of its own and then stopped, with the reason and until when', async () => {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  await using sandbox = await openSandbox({ now: () => nowMs });
  const { body, limits } = crashes[0]!;
  await sandbox.deploy('killer', body, { limits });
  await sandbox.deploy('neighbour', 'invoke: (n) => n');
  for (let n = 0; n < 6; n++) {
    expect(sandbox.runtime.problem('killer')).toBeUndefined();
    const code = n < 3 ? /^(memory|hostLost)$/ : /^memory$/;
    await expect(sandbox.invoke('killer')).rejects.toMatchObject({ code: expect.stringMatching(code) });
    expect(await deliver(sandbox, 'neighbour', n)).toBe(n);
  }
  expect(sandbox.runtime.problem('killer')).toMatch(
    /^Function killer is stopped until 2026-01-01T00:01:00.000Z: it took its host process down again and again; last: .*bytes/,
  );
  await expect(sandbox.invoke('killer')).rejects.toMatchObject({ code: 'crashLoop' });
  expect(sandbox.runtime.problem('neighbour')).toBeUndefined();
  nowMs += 60_000;
  expect(sandbox.runtime.problem('killer')).toBeUndefined();
});

const innocents = Array.from({ length: 20 }, (_, n) => `innocent-${n}`);
const eventsEach = 15;
const poisoned = 3;
const echo = `export default { async message(event, env) { await env.OUT.publish(event.text()); } };`;
const poison = `export default { message() { ${crashes[0]!.body.slice('invoke() {'.length, -1)} } };`;

test('of twenty functions beside one that kills their host, none loses an event', async () => {
  await using folder = await temporaryFolder();
  await using runtime = await FunctionRuntime.open({ logger: silentLogger, onLog: () => undefined });
  const mqtt = { host: '127.0.0.1', port: 0 };
  await using plane = await DataPlane.open({ root: folder.path, mqtt, runtime, logger: silentLogger });
  const bindings = { OUT: { publish: 'out' } };
  const spec = (name: string) => ({ on: [{ mqtt: `in/${name}` }], bindings, limits: { timeout: '30s' } });
  const machine = await machineWith({
    streams: { out: { topics: ['out'], relay: {} } },
    functions: {
      ...Object.fromEntries(innocents.map((name) => [name, spec(name)])),
      killer: { on: [{ mqtt: 'in/killer' }], limits: killerLimits, retries: 0 },
    },
  });
  const bundles = new Map([
    ...innocents.map((name) => [name, bundleOf(echo)] as const),
    ['killer', bundleOf(poison)],
  ]);
  await plane.configure(machine, bundles);
  const cloud = new FakeCloud();
  plane.attachUplink(cloud);
  await using sensor = await connectTo(plane.mqtt.port);
  const sent: string[] = [];
  for (let n = 0; n < eventsEach; n++) {
    if (n % (eventsEach / poisoned) === 0)
      await sensor.client.publishAsync('in/killer', String(n), { qos: 1 });
    for (const name of innocents) {
      sent.push(`${name} ${n}`);
      await sensor.client.publishAsync(`in/${name}`, `${name} ${n}`, { qos: 1 });
    }
  }
  const queued = (name: string) => plane.status().functions[name]?.queued;
  await eventually(() => [...innocents, 'killer'].every((name) => queued(name) === 0));
  expect(plane.status().functions.killer?.deadLetters).toBe(poisoned);
  await eventually(() => plane.status().streams.out?.backlog === 0);
  const seen = cloud.rows('out').map((row) => ('payload' in row ? text(row.payload) : ''));
  expect(seen.sort()).toEqual(sent.sort());
  // Whoever is innocent keeps its place: one shared host, and at most one for the killer.
  expect(runtime.hostPids().length).toBeLessThanOrEqual(2);
  const states = Object.entries(plane.components()).filter(([name]) => name !== 'functions.killer');
  expect(states.filter(([, { state }]) => state !== 'running')).toEqual([]);
}, 150_000);
