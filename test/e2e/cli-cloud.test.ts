import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCli, startDaemon, temporaryFolder, type CliResult, type Daemon } from '../support/cli.ts';

jest.setTimeout(180_000);

/** A real cloud and a real agent, driven by the command line alone, as an operator does. */

const device = 'kiosk-1';
const passphrase = 'correct horse battery staple';

const source = `
export default {
  message(event, env) { env.OUT.publish({ seen: event.topic }); },
  invoke(payload, env) { return { doubled: payload.value * 2 }; },
};
`;

const manifest = `# The kiosk by the door.
apiVersion: holdfast/v1
kind: Machine
metadata: { name: ${device} }
functions:
  double:
    bundle: functions/double:latest
    on: [{ mqtt: in/# }]
    bindings: { OUT: { publish: site/out } }
streams:
  site: { topics: [site/#], relay: {} }
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let cloud: Daemon;
let agent: Daemon;
let env: Record<string, string>;

const at = (...names: string[]) => join(folder.path, ...names);
const cli = (...parameters: string[]) => runCli(parameters, { env });
const root = () => at('device');

function json(result: CliResult): Record<string, unknown> {
  expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0 });
  return JSON.parse(result.stdout) as Record<string, unknown>;
}

function startCloud(): Promise<Daemon> {
  return startDaemon(['cloud', 'up', '--folder', at('cloud')], env);
}

beforeAll(async () => {
  folder = await temporaryFolder();
  env = {
    HOLDFAST_CONTEXT: at('cloud', 'operator.json'),
    HOLDFAST_PASSPHRASE: passphrase,
    HOME: folder.path,
  };
  await mkdir(at('double'));
  await writeFile(at('double', 'index.ts'), source);
  await writeFile(at('kiosk.yaml'), manifest);
  cloud = await startCloud();
  const token = (await cli('devices', 'enrol', device)).stdout.trim();
  agent = await startDaemon(['agent', 'up', '--root', root(), '--mqtt-port', '0', '--token', token], env);
  json(await cli('push', at('double'), '--json'));
  json(await cli('deploy', at('kiosk.yaml'), '--out', at('machine.yaml'), '--wait', '--json'));
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await cloud[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('the operator’s way', () => {
  test('the context is for its owner alone, and the ready lines say where everything is', async () => {
    expect((await stat(at('cloud', 'operator.json'))).mode & 0o777).toBe(0o600);
    expect(cloud.ready).toMatchObject({
      event: 'ready',
      context: at('cloud', 'operator.json'),
      pid: cloud.pid,
    });
    expect(agent.ready).toMatchObject({ event: 'ready', device, pid: agent.pid });
  });

  test('the device is listed online with what it runs', async () => {
    const { devices } = json(await cli('devices', '--json')) as { devices: Record<string, unknown>[] };
    expect(devices).toMatchObject([
      { name: device, enrolled: true, reported: { applied: 1, phase: 'committed' } },
    ]);
    expect((await cli('devices')).stdout).toMatch(/kiosk-1 +online +1 +1 +committed/);
  });

  test('status tells the same from the agent and from the cloud', async () => {
    const here = json(await cli('status', '--root', root(), '--json'));
    const there = json(await cli('status', '--device', device, '--json'));
    expect(here).toMatchObject({ device, applied: { generation: 1 } });
    expect(there).toMatchObject({ name: device, reported: { applied: 1 } });
    expect((await cli('status', '--root', root())).stdout).toContain('functions.double');
  });

  test('a function answers here and through the cloud', async () => {
    const call = ['invoke', 'double', '--payload', '{"value":21}'];
    expect(JSON.parse((await cli(...call, '--root', root())).stdout)).toEqual({ doubled: 42 });
    expect(json(await cli(...call, '--device', device, '--json'))).toEqual({ result: { doubled: 42 } });
  });

  test('deploying again, from the source or from the machine file, changes nothing', async () => {
    const first = json(await cli('status', '--device', device, '--json')) as { desired: { digest: string } };
    const expected = { generation: 1, digest: first.desired.digest, unchanged: true };
    const bySource = await cli('deploy', at('kiosk.yaml'), '--out', at('machine.yaml'), '--wait', '--json');
    expect(json(bySource)).toMatchObject(expected);
    const withoutPassphrase = { ...env, HOLDFAST_PASSPHRASE: '' };
    const byMachineFile = await runCli(['deploy', at('machine.yaml'), '--json'], { env: withoutPassphrase });
    expect(json(byMachineFile)).toMatchObject(expected);
  });

  test('the machine file keeps the author’s comments and pins everything', async () => {
    const text = await readFile(at('machine.yaml'), 'utf8');
    expect(text).toContain('# The kiosk by the door.');
    expect(text).toMatch(/bundle: functions\/double@sha256:[0-9a-f]{64}/);
    expect(text).toMatch(/recovery: hfr1\./);
    expect((await cli('validate', at('machine.yaml'))).code).toBe(0);
  });

  test('resolve pins what deploy pins; plan of what runs has nothing to do', async () => {
    const { document } = json(await cli('resolve', at('kiosk.yaml'), '--json')) as {
      document: { functions: { double: { bundle: string } } };
    };
    expect(document.functions.double.bundle).toMatch(/^functions\/double@sha256:/);
    expect(json(await cli('plan', at('machine.yaml'), '--root', root(), '--json'))).toMatchObject({
      steps: [],
    });
  });

  test('logs name what happened, and a follower ends with Ctrl-C', async () => {
    const lines = (await cli('logs', '--root', root(), '--json')).stdout.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toContain('agent.ready');
  });
});

describe('refusals', () => {
  test('a taken port ends with 8 and names it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const result = await cli('cloud', 'up', '--folder', at('other-cloud'), '--api-port', String(port));
    await new Promise((resolve) => server.close(resolve));
    expect(result.code).toBe(8);
    expect(result.stderr).toContain(String(port));
  });

  test('a second agent on the root and a second cloud on the folder end with 8', async () => {
    expect((await cli('agent', 'up', '--root', root(), '--mqtt-port', '0')).code).toBe(8);
    expect((await cli('cloud', 'up', '--folder', at('cloud'))).code).toBe(8);
  });

  test('tokens: none 4, garbage 3, expired 5, used 5', async () => {
    const up = (name: string, token: string) =>
      cli('agent', 'up', '--root', at(name), '--mqtt-port', '0', ...(token === '' ? [] : ['--token', token]));
    expect((await up('no-token', '')).code).toBe(4);
    expect((await up('bad-token', 'hft1.garbage')).code).toBe(3);

    const expired = (await cli('devices', 'enrol', 'kiosk-2', '--expires', '1s')).stdout.trim();
    await sleep(1100);
    expect((await up('expired-token', expired)).code).toBe(5);

    const token = (await cli('devices', 'enrol', 'kiosk-3')).stdout.trim();
    const other = await startDaemon(
      ['agent', 'up', '--root', at('third'), '--mqtt-port', '0', '--token', token],
      env,
    );
    expect(await other.stop()).toBe(0);
    expect((await up('used-token', token)).code).toBe(5);
  });

  test('an image that is nowhere ends with 4 at its line, another device with 3', async () => {
    await writeFile(at('nowhere.yaml'), manifest.replace('double:latest', 'nowhere:latest'));
    const result = await cli('deploy', at('nowhere.yaml'));
    expect(result.code).toBe(4);
    expect(result.stderr).toContain('functions/nowhere:latest');
    expect((await cli('deploy', at('kiosk.yaml'), '--device', 'kiosk-9')).code).toBe(3);
  });

  test('a wrong passphrase ends with 5 before anything is changed, for deploy and restore', async () => {
    const wrong = { env: { ...env, HOLDFAST_PASSPHRASE: 'wrong' } };
    const before = await readFile(at('machine.yaml'), 'utf8');
    const deploy = ['deploy', at('kiosk.yaml'), '--out', at('machine.yaml')];
    expect((await runCli(deploy, wrong)).code).toBe(5);
    expect(await readFile(at('machine.yaml'), 'utf8')).toBe(before);
    expect((await runCli(['restore', at('machine.yaml'), '--root', at('stolen')], wrong)).code).toBe(5);
  });

  test('a deploy that the cloud refuses leaves the machine file as it was, or none', async () => {
    const before = await readFile(at('machine.yaml'), 'utf8');
    const lacking = manifest.replace('double:latest', `double@sha256:${'0'.repeat(64)}`);
    await writeFile(at('lacking.yaml'), lacking);
    const over = await cli('deploy', at('lacking.yaml'), '--out', at('machine.yaml'));
    const beside = await cli('deploy', at('lacking.yaml'), '--out', at('lacking.machine.yaml'));
    expect([over.code, beside.code]).toEqual([4, 4]);
    expect(await readFile(at('machine.yaml'), 'utf8')).toBe(before);
    await expect(stat(at('lacking.machine.yaml'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a file that is no machine file of this device is not replaced', async () => {
    await writeFile(at('precious.txt'), 'precious');
    const result = await cli('deploy', at('kiosk.yaml'), '--out', at('precious.txt'));
    expect(result.code).toBe(8);
    expect(await readFile(at('precious.txt'), 'utf8')).toBe('precious');
  });

  test('a wrong operator token ends with 5, a cloud of another CA or no cloud at all with 6', async () => {
    const context = JSON.parse(await readFile(at('cloud', 'operator.json'), 'utf8')) as Record<
      string,
      string
    >;
    const withContext = async (change: Record<string, string>) => {
      await writeFile(at('context.json'), JSON.stringify({ ...context, ...change }));
      return (await cli('devices', '--context', at('context.json'), '--retry', '0')).code;
    };
    expect(await withContext({ token: 'wrong' })).toBe(5);
    expect(await withContext({ url: 'https://localhost:1' })).toBe(6);
  });

  test('a function that does not compile ends with 3 and its line', async () => {
    await writeFile(at('broken.ts'), 'export default {\n  message( {\n');
    const result = await cli('push', at('broken.ts'));
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('broken.ts:');
  });

  test('unknown functions and devices end with 4', async () => {
    expect((await cli('invoke', 'nothing', '--root', root())).code).toBe(4);
    expect((await cli('status', '--device', 'nothing')).code).toBe(4);
  });
});

describe('when things die', () => {
  test('commands wait for a cloud that is killed and comes back', async () => {
    expect(await cloud.stop('SIGKILL')).toBeNull();
    const push = cli('push', at('double'), '--name', 'functions/again', '--json');
    const deploy = cli('deploy', at('kiosk.yaml'), '--out', at('machine.yaml'), '--wait', '--json');
    await sleep(500);
    cloud = await startCloud();
    expect(json(await push)).toMatchObject({ reference: 'functions/again:latest' });
    expect(json(await deploy)).toMatchObject({ unchanged: true });
  });

  test('the machine comes back on an empty root from its file and the passphrase', async () => {
    const before = json(await cli('status', '--root', root(), '--json')) as { applied: { digest: string } };
    await agent.stop('SIGKILL');
    await rm(root(), { recursive: true });
    const restored = json(await cli('restore', at('machine.yaml'), '--root', root(), '--json'));
    expect(restored).toMatchObject({ device, generation: 1, digest: before.applied.digest });
    agent = await startDaemon(['agent', 'up', '--root', root(), '--mqtt-port', '0'], env);
    const call = await cli('invoke', 'double', '--payload', '{"value":1}', '--root', root());
    expect(call).toMatchObject({ code: 0 });
    expect(JSON.parse(call.stdout)).toEqual({ doubled: 2 });
    expect((await cli('restore', at('machine.yaml'), '--root', root())).code).toBe(8);
  });

  test('SIGTERM ends the daemons cleanly with 0', async () => {
    expect(await agent.stop('SIGTERM')).toBe(0);
    expect(await cloud.stop('SIGTERM')).toBe(0);
  });
});
