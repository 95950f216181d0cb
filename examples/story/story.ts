import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { makeFolder } from '../../lib/make-folder.ts';
import { CloudReader, type StoredRow } from './cloud-reader.ts';
import { DashboardApp } from './dashboard-app.ts';
import { fillVolume } from './data-volume.ts';
import type { Narrator } from './narrator.ts';
import { freePort, Network } from './network.ts';
import { holdfast, Service, type Environment } from './processes.ts';
import { Station } from './station.ts';
import { treeDifferences, treeEntries, type TreeEntries } from './tree-entries.ts';
import { expectedRows, readMeasurements, type Reading } from './weather.ts';

const device = 'greenhouse-7';
const examples = fileURLToPath(new URL('..', import.meta.url));
const volume = 'recordings';
const dailyTopic = 'site/weather/daily';
const monthlyTopic = 'site/weather/monthly';
/** The first day that is measured after the machine was lost. A month's first, because the running totals went with it. */
const lossDate = '2015-12-01';
const waitMs = 60_000;

export type StoryOptions = {
  readonly folder: string;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  /** Whether the dashboard is in it, an image of 150 MB. */
  readonly withApp: boolean;
};

export type Story = AsyncDisposable & {
  /** The control plane's address, where an operator goes on. */
  readonly url: string;
  readonly environment: Environment;
  readonly root: string;
  readonly mqttPort: number;
  /** Where the dashboard is. */
  readonly dashboard: string | undefined;
};

type World = {
  readonly folder: string;
  readonly root: string;
  readonly machineFile: string;
  readonly environment: Environment;
  readonly network: Network;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  readonly mqttPort: number;
};

/** The main job from an empty folder to a restored machine. Everything it starts ends with the returned value. */
export async function tellStory(options: StoryOptions): Promise<Story> {
  const { narrator, signal } = options;
  await using stack = new AsyncDisposableStack();
  const world = await createWorld(options, stack);
  const { environment, root, mqttPort } = world;

  narrator.heading('A control plane: API, MQTT over TLS, OCI registry, database');
  const cloud = await startCloud(world, stack);
  narrator.heading('A device enrols with a one-time token');
  const agent = stack.use(await startAgent(world));
  narrator.heading('A function is pushed and a manifest deployed');
  let before = await deploy(world);
  const app = options.withApp ? await createApp(world) : undefined;
  if (app) {
    narrator.heading('A dashboard is built as an image, and runs beside the function');
    before = { ...before, ...(await app.install()) };
  }

  const readings = await readMeasurements();
  const lost = readings.findIndex(({ date }) => date === lossDate);
  const reader = stack.use(await CloudReader.open(environment.HOLDFAST_CONTEXT ?? '', device));
  const station = stack.use(createStation(mqttPort));
  narrator.heading(`${readings.length} days of weather are measured; the network fails on the way`);
  await replayWithCut(world, { station, readings: readings.slice(0, lost), reader });
  if (app) {
    await checkDashboard(world, app, readings[lost - 1]);
    narrator.heading('The dashboard is updated, and a broken version of it comes back by itself');
    await app.update();
    before = { ...before, ...(await app.breakAndRollBack()) };
  }

  narrator.heading("A volume is filled, and snapshotted into the cloud's vault, which cannot read it");
  const stored = await snapshotVolume(world);

  narrator.heading('The machine is lost, and comes back from one file and a passphrase');
  const running = await app?.processId();
  await loseAndRestore(world, agent, { ...before, ...stored, running });
  await app?.resume();
  await station.replay(
    readings.slice(lost),
    (count) => narrator.progress('December 2015', count, readings.length - lost),
    signal,
  );
  narrator.note(`the station measured on: ${readings.length - lost} days more`);
  if (app) await checkDashboard(world, app, readings.at(-1));

  narrator.heading('What the cloud stored, against the CSV');
  await compare(world, reader, readings);
  const owned = stack.move();
  return {
    ...{ url: cloud.url, environment, root, mqttPort, dashboard: app?.url },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function createApp(world: World): Promise<DashboardApp> {
  return new DashboardApp({ ...world, device, port: await freePort() });
}

async function checkDashboard(
  { narrator }: World,
  app: DashboardApp,
  last: Reading | undefined,
): Promise<void> {
  const date = last?.date ?? '';
  narrator.check('the dashboard shows the last day', await app.showsDay(date), date);
}

async function createWorld(
  { folder, narrator, signal }: StoryOptions,
  stack: AsyncDisposableStack,
): Promise<World> {
  await makeFolder(folder);
  return {
    folder,
    root: join(folder, 'device'),
    machineFile: join(folder, 'machine.yaml'),
    environment: {
      HOLDFAST_CONTEXT: join(folder, 'cloud', 'operator.json'),
      // The owner's passphrase: with the machine file it is all that a restore needs.
      HOLDFAST_PASSPHRASE: randomBytes(12).toString('base64url'),
    },
    network: stack.use(new Network()),
    narrator,
    signal,
    mqttPort: await freePort(),
  };
}

async function startCloud(
  { folder, environment, network, narrator }: World,
  stack: AsyncDisposableStack,
): Promise<{ url: string }> {
  const apiPort = await freePort();
  const mqttPort = await freePort();
  // The device reaches the cloud through a network that can be cut; the operator is on the other side of it.
  const publicUrl = `https://localhost:${await network.addLink(apiPort)}`;
  const publicMqttUrl = `mqtts://localhost:${await network.addLink(mqttPort)}`;
  const parameters = [
    'cloud',
    'up',
    '--folder',
    join(folder, 'cloud'),
    '--api-port',
    String(apiPort),
    '--mqtt-port',
    String(mqttPort),
  ];
  const cloud = stack.use(
    new Service({
      name: 'cloud',
      parameters: [...parameters, '--public-url', publicUrl, '--public-mqtt-url', publicMqttUrl],
      environment,
      narrator,
    }),
  );
  await cloud.start();
  const url = `https://localhost:${apiPort}`;
  narrator.note(`listening on ${url} and mqtts://localhost:${mqttPort}`);
  return { url };
}

async function startAgent(world: World): Promise<Service> {
  const { environment, narrator, signal } = world;
  const { token } = (await holdfast(['devices', 'enrol', device], environment, signal)) as { token: string };
  const agent = agentService(world, ['--token', token]);
  await agent.start();
  narrator.note(
    `${device} made its own key and has a certificate; local MQTT on 127.0.0.1:${world.mqttPort}`,
  );
  return agent;
}

function agentService(
  { root, mqttPort, environment, narrator }: World,
  more: readonly string[] = [],
): Service {
  const parameters = ['agent', 'up', '--root', root, '--mqtt-port', String(mqttPort), ...more];
  // As Ctrl-C does: its apps stop with it.
  return new Service({ name: 'agent', parameters, environment, narrator, stopSignal: 'SIGINT' });
}

const snapshotSchema = z.object({
  snapshots: z.tuple([z.object({ id: z.string(), totalBytes: z.number(), storedBytes: z.number() })]),
});
const restoredSchema = z.object({
  generation: z.number(),
  digest: z.string(),
  functions: z.record(z.string(), z.string()),
  data: z.object({ volumes: z.record(z.string(), z.object({ snapshot: z.string() })) }).nullable(),
});

type Deployed = {
  readonly generation: number;
  readonly digest: string;
  readonly functions: Readonly<Record<string, string>>;
};

async function deploy({ machineFile, environment, narrator, signal }: World): Promise<Deployed> {
  const pushed = (await holdfast(
    ['push', join(examples, 'functions/weather-summary'), '--name', 'functions/weather-summary:latest'],
    environment,
    signal,
  )) as { digest: string };
  narrator.note(`pushed functions/weather-summary@${pushed.digest.slice(0, 19)}…`);
  const parameters = ['deploy', join(examples, 'greenhouse.yaml'), '--out', machineFile, '--wait', '60s'];
  const { generation, digest } = (await holdfast(parameters, environment, signal)) as {
    generation: number;
    digest: string;
  };
  narrator.note(
    `generation ${generation} (${digest.slice(0, 19)}…) is committed; the machine file is ${machineFile}`,
  );
  return { generation, digest, functions: { 'weather-summary': pushed.digest } };
}

function createStation(port: number): Station {
  return new Station({
    port,
    username: 'weather-station',
    password: 'greenhouse',
    topic: 'sensors/roof/weather',
  });
}

type Replay = {
  readonly station: Station;
  readonly readings: readonly Reading[];
  readonly reader: CloudReader;
};

async function replayWithCut(
  { network, narrator, signal }: World,
  { station, readings, reader }: Replay,
): Promise<void> {
  const cutAt = Math.floor(readings.length / 3);
  const healAt = Math.floor((readings.length * 2) / 3);
  const onAcknowledged = (count: number): void => {
    narrator.progress('measured', count, readings.length);
    if (count === cutAt) {
      network.cut();
      narrator.note(
        `after ${count} days the network between device and cloud is cut; the device goes on alone`,
      );
    }
    if (count === healAt) {
      network.heal();
      narrator.note(`after ${count} days the network is back`);
    }
  };
  await station.replay(readings, onAcknowledged, signal);
  const { daily, monthly } = expectedRows(readings);
  const rows = await waitForRows(reader, daily.length + monthly.length, narrator, signal);
  narrator.note(`${readings.length} days measured, ${rows.length} results in the cloud`);
}

async function waitForRows(
  reader: CloudReader,
  count: number,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<readonly StoredRow[]> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const { rows } = await reader.rows(signal);
    narrator.progress('in the cloud', rows.length, count);
    if (rows.length >= count || performance.now() > deadline) return rows;
    await sleep(100, undefined, { signal });
  }
}

type Stored = { readonly snapshot: string; readonly entries: TreeEntries };
const volumeFolder = ({ root }: World): string => join(root, 'volumes', volume);

async function snapshotVolume(world: World): Promise<Stored> {
  const { root, environment, narrator, signal } = world;
  await fillVolume(volumeFolder(world));
  const entries = treeEntries(volumeFolder(world));
  const { snapshots } = await insist(
    () => holdfast(['snapshot', volume, '--root', root], environment, signal),
    snapshotSchema,
    signal,
  );
  const { id, totalBytes, storedBytes } = snapshots[0];
  narrator.note(
    `${entries.size} entries of ${megabytes(totalBytes)} are ${megabytes(storedBytes)} in snapshot ${id.slice(0, 8)}`,
  );
  return { snapshot: id, entries };
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** As an operator who types a command again while a process of it is being started again. */
async function insist<T>(
  command: () => Promise<unknown>,
  schema: z.ZodType<T>,
  signal: AbortSignal,
): Promise<T> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    try {
      return schema.parse(await command());
    } catch (error) {
      signal.throwIfAborted();
      if (performance.now() > deadline) throw error;
      await sleep(500, undefined, { signal });
    }
  }
}

type Lost = Deployed & Stored & { readonly running: number | undefined };

async function loseAndRestore(world: World, agent: Service, before: Lost): Promise<void> {
  const { root, machineFile, environment, narrator, signal } = world;
  await agent.stop('SIGKILL');
  // With a machine goes all that runs on it, where an agent alone would leave its apps running.
  if (before.running !== undefined) process.kill(before.running, 'SIGKILL');
  // What ends just now may still write.
  await rm(root, { recursive: true, force: true, maxRetries: 20 });
  narrator.note(`the device is dead and ${root} is deleted`);
  const restored = await insist(
    () => holdfast(['restore', machineFile, '--root', root], environment, signal),
    restoredSchema,
    signal,
  );
  const { generation, digest, functions } = before;
  narrator.check('the same generation', restored.generation === generation, String(restored.generation));
  narrator.check('the same manifest', restored.digest === digest, digest);
  narrator.check('the same functions', isDeepStrictEqual(restored.functions, functions));
  const differences = treeDifferences(before.entries, treeEntries(volumeFolder(world)));
  const [
    difference = `${before.entries.size} entries equal in bytes, modes, owners, times, links and attributes`,
  ] = differences;
  const isSame = restored.data?.volumes[volume]?.snapshot === before.snapshot;
  narrator.check('the same volume', isSame && differences.length === 0, difference);
  await agent.start();
}

async function compare(
  { narrator, signal }: World,
  reader: CloudReader,
  readings: readonly Reading[],
): Promise<void> {
  const { daily, monthly } = expectedRows(readings);
  await waitForRows(reader, daily.length + monthly.length, narrator, signal);
  // Whatever comes twice comes late: give it the time to show.
  await sleep(500, undefined, { signal });
  const { rows, gaps } = await reader.rows(signal);
  compareTopic(narrator, rows, dailyTopic, daily);
  compareTopic(narrator, rows, monthlyTopic, monthly);
  narrator.check(
    'nothing else, nothing dropped',
    rows.length === daily.length + monthly.length && gaps === 0,
    `${rows.length} rows, ${gaps} gaps`,
  );
}

function compareTopic(
  narrator: Narrator,
  rows: readonly StoredRow[],
  topic: string,
  expected: readonly unknown[],
): void {
  const stored = rows.filter((row) => row.topic === topic).map(({ value }) => value);
  const differing = expected.findIndex((row, index) => !isDeepStrictEqual(row, stored[index]));
  const holds = stored.length === expected.length && differing < 0;
  const detail = holds
    ? `${stored.length} rows equal, in order`
    : `${stored.length} of ${expected.length} rows; first difference at row ${differing}: ${JSON.stringify(stored[differing])}`;
  narrator.check(topic, holds, detail);
}

/** What `machine.yaml` is made of, for the summary. */
export async function machineFileSize(folder: string): Promise<number> {
  return (await readFile(join(folder, 'machine.yaml'))).byteLength;
}
