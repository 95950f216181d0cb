import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { FunctionBundle } from '../../functions/index.ts';
import type { Figures } from '../main.ts';
import { median, percentile, rounded } from '../statistics.ts';
import { buildBrokers } from './build-brokers.ts';
import { functionBundle, peerScript } from './bundles.ts';
import { sampleEvent } from './event.ts';
import { callsPerSecond, latencies } from './load.ts';
import { residentBytes } from './memory.ts';
import { messagesPerSecond, startBroker } from './mqtt.ts';
import { functionSpec, noEffects, OurRuntime } from './ours.ts';
import { RawIsolate } from './raw-isolate.ts';
import { Workerd } from './workerd.ts';

const runs = 5;
const durationMs = 2000;
const eventBytes = 1000;
const oneAtATime = 2000;
const coldStarts = 60;
const coldStartPauseMs = 30;
const residents = 500;
const mqttRuns = 3;
const mqttBytes = 200;
const mqttMessages = 30_000;

type Report = (line: string) => void;

/** The runtime beside a bare isolate, workerd and a bare broker, alternating. */
export async function run(report: Report): Promise<Figures> {
  report('building');
  await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('../../scripts/build.ts', import.meta.url)),
  ]);
  const bundle = await functionBundle();
  return {
    ...(await speed(bundle, report)),
    ...(await throughMqtt(bundle, report)),
    ...(await coldStart(bundle, report)),
    ...(await resident(bundle, report)),
  };
}

async function speed(bundle: FunctionBundle, report: Report): Promise<Figures> {
  const event = sampleEvent(eventBytes);
  await using ours = await OurRuntime.open(bundle);
  await using workerd = await Workerd.open(32);
  using raw = await RawIsolate.open();
  // Each way begins with the event as an object and ends with the result as one.
  const callRaw = async () => JSON.parse((await raw.apply(JSON.stringify(event))) as string) as unknown;
  const callOurs = () => ours.invoke(event);
  const callWorkerd = () => workerd.call(event);
  const expected = JSON.stringify(await callRaw());
  for (const call of [callOurs, callWorkerd])
    if (JSON.stringify(await call()) !== expected) throw new Error('The runtimes disagree about the result');

  const rates: { ours: number; raw: number; workerd: number }[] = [];
  for (let index = 0; index <= runs; index++) {
    const rate = {
      ours: await callsPerSecond(callOurs, { inFlight: 32, durationMs }),
      raw: await callsPerSecond(callRaw, { inFlight: 100, durationMs }),
      workerd: await callsPerSecond(callWorkerd, { inFlight: 32, durationMs }),
    };
    // The first one warms up.
    if (index > 0) rates.push(rate);
    report(`events/s: ours ${whole(rate.ours)}, raw ${whole(rate.raw)}, workerd ${whole(rate.workerd)}`);
  }
  const times: { ours: number[]; workerd: number[] } = { ours: [], workerd: [] };
  for (let index = 0; index < runs; index++) {
    times.ours.push(...(await latencies(callOurs, oneAtATime)));
    times.workerd.push(...(await latencies(callWorkerd, oneAtATime)));
  }
  for (const [name, values] of Object.entries(times))
    report(
      `one at a time, ${name}: p50 ${micro(percentile(values, 0.5))}, p99 ${micro(percentile(values, 0.99))}`,
    );
  return {
    vsRawIsolate: rounded(median(rates.map(({ ours, raw }) => ours / raw)), 2),
    vsWorkerd: rounded(median(rates.map(({ ours, workerd }) => ours / workerd)), 1),
    p50VsWorkerd: rounded(median(times.ours) / median(times.workerd), 2),
  };
}

async function throughMqtt(bundle: FunctionBundle, report: Report): Promise<Figures> {
  const payload = JSON.stringify(sampleEvent(mqttBytes));
  const common = { payload, messages: mqttMessages, inFlight: 200 };
  const root = await mkdtemp(join(tmpdir(), 'bench-functions-'));
  try {
    const bundleFile = join(root, 'bundle.json');
    await writeFile(bundleFile, JSON.stringify(bundle));
    await using programs = await buildBrokers();
    await using plane = await startBroker(programs.plane, [join(root, 'device'), bundleFile]);
    await using aedes = await startBroker(programs.aedes, []);
    const ratios: number[] = [];
    for (let index = 0; index <= mqttRuns; index++) {
      const ours = await messagesPerSecond(plane.port, {
        ...common,
        publishTo: 'in/events',
        subscribeTo: 'out/events',
      });
      const bare = await messagesPerSecond(aedes.port, {
        ...common,
        publishTo: 'out/events',
        subscribeTo: 'out/events',
      });
      if (index > 0) ratios.push(ours / bare);
      report(`MQTT messages/s: through a function ${whole(ours)}, plain aedes ${whole(bare)}`);
    }
    return { mqttVsAedes: rounded(median(ratios), 2) };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function coldStart(bundle: FunctionBundle, report: Report): Promise<Figures> {
  await using ours = await OurRuntime.open(bundle);
  const script = await peerScript('raw');
  const event = sampleEvent(eventBytes);
  const text = JSON.stringify(event);
  const { signal } = new AbortController();
  const spec = functionSpec();
  const cold: number[] = [];
  const bare: number[] = [];
  for (let index = 0; index < coldStarts; index++) {
    const name = `cold-${index}`;
    // Cold starts come one by one in life; a burst finds no isolate ready after the first.
    await sleep(coldStartPauseMs);
    const beganMs = performance.now();
    await ours.runtime.deploy({ name, bundle, spec });
    await ours.runtime.invoke(name, { kind: 'invoke', payload: event }, noEffects, { signal });
    cold.push(performance.now() - beganMs);
    const rawBeganMs = performance.now();
    using raw = await RawIsolate.open(script);
    await raw.apply(text);
    bare.push(performance.now() - rawBeganMs);
  }
  for (const [name, values] of [
    ['ours', cold],
    ['raw isolate', bare],
  ] as const)
    report(
      `cold start, ${name}: p50 ${rounded(median(values), 2)} ms, p99 ${rounded(percentile(values, 0.99), 2)} ms`,
    );
  return { coldVsRaw: rounded(median(cold) / median(bare), 2) };
}

async function resident(bundle: FunctionBundle, report: Report): Promise<Figures> {
  await using ours = await OurRuntime.open(bundle);
  const { signal } = new AbortController();
  const payload = sampleEvent(eventBytes);
  await ours.invoke(payload);
  const [pid] = ours.runtime.hostPids();
  const before = pid === undefined ? undefined : await residentBytes(pid);
  for (let index = 0; index < residents; index++) {
    const name = `resident-${index}`;
    await ours.runtime.deploy({ name, bundle, spec: functionSpec() });
    await ours.runtime.invoke(name, { kind: 'invoke', payload }, noEffects, { signal });
  }
  const after = pid === undefined ? undefined : await residentBytes(pid);
  if (before === undefined || after === undefined) return { mbPerFunction: null };
  const each = (after - before) / residents / 1e6;
  report(`${residents} functions, each run once: ${rounded(each, 2)} MB each`);
  return { mbPerFunction: rounded(each, 2) };
}

function whole(value: number): string {
  return String(Math.round(value));
}

function micro(ms: number): string {
  return `${Math.round(ms * 1000)} µs`;
}
