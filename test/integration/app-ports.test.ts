import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { componentOf } from '../../agent/apps/supervise/app-component.ts';
import { PortWatch } from '../../agent/apps/supervise/port-watch.ts';
import { undeclaredPorts } from '../../agent/apps/supervise/undeclared-ports.ts';

/** Two listeners: one of the process itself, one of a child of it. */
const listening = `
const { createServer } = require('node:net');
const { spawn } = require('node:child_process');
createServer().listen(0, '127.0.0.1', function () { console.log('own ' + this.address().port); });
if (!process.env.CHILD) spawn(process.execPath, ['-e', process.env.SCRIPT], { env: { ...process.env, CHILD: 'yes' }, stdio: 'inherit' });
`;

test('ports that an app and its children listen on are found, those that it declares left out', async () => {
  const app = spawn(process.execPath, ['-e', listening], {
    env: { ...process.env, SCRIPT: listening },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const pid = app.pid ?? 0;
  try {
    const ports: number[] = [];
    for await (const line of createInterface({ input: app.stdout })) {
      if (ports.push(Number(line.split(' ')[1])) === 2) break;
    }
    const [first = 0, second = 0] = ports;
    expect(await undeclaredPorts(pid, [])).toEqual([first, second].sort((a, b) => a - b));
    expect(await undeclaredPorts(pid, [first])).toEqual([second]);
    expect(await undeclaredPorts(pid, [first, second])).toEqual([]);

    const watched = {
      wanted: { launch: { network: 'host' }, run: { ports: [first] } },
      instance: { pid },
    } as never;
    const changed = Promise.withResolvers<undefined>();
    using watch = new PortWatch({
      apps: () => [['web', watched]],
      onChange: () => changed.resolve(undefined),
      everyMs: 10,
    });
    await changed.promise;
    expect(watch.portsOf('web')).toEqual([second]);
    const running = {
      wanted: { launch: { image: 'sha256:00' } },
      state: { phase: { kind: 'running', isWell: true } },
    } as never;
    expect(componentOf(running, 0, watch.portsOf('web'))).toMatchObject({
      state: 'running',
      message: `listens on ${second}, which its run.ports does not have`,
    });
  } finally {
    process.kill(-pid, 'SIGKILL');
    await once(app, 'close');
  }
}, 60_000);
