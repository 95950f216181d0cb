import { spawn, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { freePort } from '../../examples/story/network.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { OtlpCollector } from '../support/otlp-collector.ts';
import { peerTest } from '../support/peers.ts';
import { World, worldDevice } from '../support/world.ts';

jest.setTimeout(240_000);

const contextSchema = z.looseObject({ url: z.string(), token: z.string(), ca: z.string() });

async function until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await check()) return;
    await sleep(100);
  }
  throw new Error(`it never came to this: ${what}`);
}

async function deploy(world: World, observability: string): Promise<void> {
  const file = join(world.folder, 'machine.source.yaml');
  const head = `apiVersion: holdfast/v1\nkind: Machine\nmetadata: { name: ${worldDevice} }\n`;
  await writeFile(file, `${head}observability: ${observability}\n`);
  const { code, stderr } = await world.cli('deploy', file, '--wait', '60s');
  if (code !== 0) throw new Error(stderr);
}

test('what a device logs and measures comes to the cloud, and from there to a collector', async () => {
  await using world = await World.open();
  await using collector = await OtlpCollector.open();
  await world.cloud?.[Symbol.asyncDispose]();
  await world.startCloud('--otlp', collector.url);
  await deploy(world, '{ metrics: 1s }');
  await until('the collector has the metrics', () => collector.metrics.length > 0);
  await until('the collector has the log of the deployment', () =>
    collector.bodies.includes('reconcile.committed'),
  );
  expect(collector.problems).toEqual([]);

  const shown = await world.cli('metrics', 'holdfast.stream');
  expect(shown.stdout).toMatch(/^holdfast\.stream\.messages +stream=observability +\d+$/m);
  const listed = (await world.json('metrics', 'process.')) as { metrics: { name: string }[] };
  expect(listed.metrics.map(({ name }) => name)).toContain('process.memory.usage');

  const context = contextSchema.parse(
    JSON.parse(await readFile(join(world.folder, 'cloud', 'operator.json'), 'utf8')),
  );
  await using http = createHttpsClient({ ca: context.ca });
  const scrape = async (headers: Record<string, string>) => {
    const answer = await http.request({ url: `${context.url}/metrics`, headers });
    return { status: answer.status, text: Buffer.from(await answer.bytes(2 ** 20)).toString() };
  };
  expect((await scrape({})).status).toBe(401);
  const { text } = await scrape({ authorization: `Bearer ${context.token}` });
  expect(text).toContain('holdfast_cloud_devices{state="online"} 1\n');
  expect(text).toContain(`holdfast_cloud_device_backlog{device="${worldDevice}",stream="observability"}`);
  expect(text).toMatch(/^holdfast_cloud_ingest_batches_total\{outcome="committed"\} [1-9]/m);
  expect(text).toMatch(/^holdfast_cloud_otlp_exported_total\{signal="logs"\} [1-9]/m);
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: text });
  if (checked.error === undefined)
    expect(`${checked.stdout.toString()}${checked.stderr.toString()}`).toBe('');
});

peerTest(['prometheus', 'promtool'], 'a Prometheus server scrapes the device and the cloud', async () => {
  await using world = await World.open();
  const [agentPort, ownPort] = [await freePort(), await freePort()];
  await deploy(world, `{ prometheus: { port: ${agentPort} } }`);
  const context = contextSchema.parse(
    JSON.parse(await readFile(join(world.folder, 'cloud', 'operator.json'), 'utf8')),
  );
  const file = join(world.folder, 'prometheus.yml');
  await writeFile(join(world.folder, 'token'), context.token);
  await writeFile(join(world.folder, 'ca.pem'), context.ca);
  await writeFile(
    file,
    JSON.stringify({
      global: { scrape_interval: '1s' },
      scrape_configs: [
        { job_name: 'device', static_configs: [{ targets: [`127.0.0.1:${agentPort}`] }] },
        {
          ...{ job_name: 'cloud', scheme: 'https', tls_config: { ca_file: join(world.folder, 'ca.pem') } },
          authorization: { credentials_file: join(world.folder, 'token') },
          static_configs: [{ targets: [new URL(context.url).host] }],
        },
      ],
    }),
  );
  const server = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(world.folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${ownPort}`,
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => server.once('exit', resolve));
  try {
    const up = async (query: string): Promise<number> => {
      const url = `http://127.0.0.1:${ownPort}/api/v1/query?query=${encodeURIComponent(query)}`;
      const answer = await fetch(url).catch(() => undefined);
      // It says 503 in words while it starts.
      if (answer?.ok !== true) return 0;
      const body = (await answer.json()) as { data?: { result?: unknown[] } };
      return body.data?.result?.length ?? 0;
    };
    await until('both are up', async () => (await up('up == 1')) === 2);
    await until('the device is online', async () => (await up('holdfast_cloud_device_online == 1')) === 1);
    expect(await up('process_memory_usage_bytes{job="device"} > 0')).toBe(1);
    expect(await up('histogram_quantile(0.9, holdfast_agent_eventloop_delay_seconds_bucket)')).toBe(1);
  } finally {
    server.kill();
    await ended;
  }
});
