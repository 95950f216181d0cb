import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from '@jest/globals';
import { builtProgram } from '../support/built-program.ts';
import { nodeFlags, temporaryFolder } from '../support/cli.ts';
import { eventually } from '../support/data-plane.ts';
import { networkNamespaces, openCable, type End } from '../support/network-namespaces.ts';
import { peerTest } from '../support/peers.ts';

const device = 'kiosk-1';

type Line = Readonly<Record<string, unknown>>;

/** `holdfast …` at one end of the cable, with all that it logs. */
function run(end: End, home: string, ...parameters: string[]) {
  const env = { PATH: process.env.PATH, HOME: home, HOLDFAST_CONTEXT: join(home, 'cloud', 'operator.json') };
  const child = end.spawn(process.execPath, [...nodeFlags, builtProgram(), ...parameters], env);
  const logged: Line[] = [];
  const printed: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => logged.push(parse(line)));
  createInterface({ input: child.stdout! }).on('line', (line) => printed.push(line));
  const closed = once(child, 'close');
  return {
    logged,
    printed,
    ended: closed,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

function parse(line: string): Line {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return { text: line };
  }
}

async function print(end: End, home: string, ...parameters: string[]): Promise<string> {
  await using command = run(end, home, ...parameters);
  const [code] = (await command.ended) as [number | null];
  expect([code, command.logged.filter(({ level }) => level === 'error')]).toEqual([0, []]);
  return command.printed.join('\n');
}

peerTest(
  ['ip', networkNamespaces],
  'a device whose cable is cut is offline once its keep-alive has run out, and online again after it is mended',
  async () => {
    await using folder = await temporaryFolder();
    await using cable = await openCable();
    const { address } = cable.cloud;
    const operate = (...parameters: string[]) => print(cable.cloud, folder.path, ...parameters);
    const urls = ['--public-url', `https://${address}:8443`, '--public-mqtt-url', `mqtts://${address}:8883`];
    const listen = ['--host', address, '--api-port', '8443', '--mqtt-port', '8883', ...urls];
    const cloudFolder = join(folder.path, 'cloud');
    await using cloud = run(
      cable.cloud,
      folder.path,
      'cloud',
      'up',
      '--folder',
      cloudFolder,
      ...listen,
      '--json',
    );
    await eventually(() => cloud.printed.length > 0);
    const token = JSON.parse(await operate('devices', 'enrol', device, '--json')) as { token: string };
    const root = join(folder.path, 'device');
    const joining = ['--root', root, '--mqtt-port', '0', '--token', token.token];
    await using agent = run(cable.device, folder.path, 'agent', 'up', ...joining, '--json');

    const said = () => cloud.logged.filter(({ event, ignored }) => event === 'device.presence' && !ignored);
    const presence = async () => {
      const { devices } = JSON.parse(await operate('devices', '--json')) as { devices: { online: Line }[] };
      return devices[0]?.online;
    };
    await eventually(() => said().at(-1)?.online === true);
    const before = await presence();
    expect(before).toMatchObject({ online: true });

    await cable.cut();
    await eventually(() => said().at(-1)?.online === false);
    // For one and a half of that, which a busy machine may stretch.
    const silent = cloud.logged.filter(({ event }) => event === 'broker.clientSilent');
    expect(silent).toMatchObject([{ client: device, keepAliveSeconds: 3 }]);
    expect(await presence()).toMatchObject({ online: false, session: before?.session });
    await eventually(() => agent.logged.some(({ event }) => event === 'cloud.disconnected'));

    await cable.mend();
    await eventually(() => said().at(-1)?.online === true);
    const after = await presence();
    expect(after).toMatchObject({ online: true });
    expect(Number(after?.session)).toBeGreaterThan(Number(before?.session));
  },
  110_000,
);
