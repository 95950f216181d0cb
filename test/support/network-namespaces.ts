import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';
import type { Peer } from './has-peer.ts';

/** For root alone; nothing of the probe is left behind. */
export const networkNamespaces: Peer = {
  name: 'root and network namespaces',
  probe: ['unshare', '--net', 'ip', 'link', 'add', 'hf0', 'type', 'veth', 'peer', 'name', 'hf1'],
};

export type End = {
  readonly address: string;
  /** Starts a program that has this end of the cable, its own loopback, and no other network. */
  spawn(program: string, parameters: readonly string[], env: Readonly<NodeJS.ProcessEnv>): ChildProcess;
};

/** Two machines and the cable between them. */
export type Cable = AsyncDisposable & {
  readonly cloud: End;
  readonly device: End;
  /** Pulls it out on the side of the device; no program is told. */
  cut(): Promise<void>;
  mend(): Promise<void>;
};

const ip = async (...parameters: string[]): Promise<void> => {
  await promisify(execFile)('ip', parameters);
};

/** Made of two network namespaces and a pair of virtual interfaces; the network of this machine is not touched. */
export async function openCable(): Promise<Cable> {
  await using starting = new AsyncDisposableStack();
  const names = { cloud: `hf-cloud-${process.pid}`, device: `hf-device-${process.pid}` };
  for (const name of Object.values(names)) {
    await ip('netns', 'add', name);
    starting.defer(() => ip('netns', 'del', name));
    await ip('-n', name, 'link', 'set', 'lo', 'up');
  }
  const peer = ['peer', 'name', 'eth0', 'netns', names.device];
  await ip('-n', names.cloud, 'link', 'add', 'eth0', 'type', 'veth', ...peer);
  const ends = {
    cloud: await openEnd(names.cloud, '10.213.7.1'),
    device: await openEnd(names.device, '10.213.7.2'),
  };
  const owned = starting.move();
  return {
    ...ends,
    cut: () => ip('-n', names.device, 'link', 'set', 'eth0', 'down'),
    mend: () => ip('-n', names.device, 'link', 'set', 'eth0', 'up'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openEnd(name: string, address: string): Promise<End> {
  await ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  await ip('-n', name, 'link', 'set', 'eth0', 'up');
  return {
    address,
    spawn: (program, parameters, env) =>
      spawn('ip', ['netns', 'exec', name, program, ...parameters], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
  };
}
