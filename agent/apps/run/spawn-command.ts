import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { appScript, besideScript } from './app-script.ts';
import type { Command } from './engine.ts';

/** Nothing of the agent's own environment is the app's. */
const environment = () => ({ PATH: process.env.PATH });

/** The parent of an app: a session of its own that outlives this process. */
export function spawnApp(folder: string, command: Command): ChildProcess {
  const child = spawn(...words('holdfast-app', appScript, folder, command), {
    ...{ detached: true, cwd: '/', env: environment() },
    stdio: ['ignore', 'ignore', 'ignore', ...descriptorOf(command)],
  });
  // It has no number then, which the caller sees.
  child.on('error', () => undefined);
  child.unref();
  return child;
}

/** Output comes by `stdout` and `stderr`; the child leads a group of processes. */
export function spawnBeside(folder: string, command: Command): ChildProcess {
  return spawn(...words('holdfast-exec', besideScript, folder, command), {
    ...{ detached: true, cwd: '/', env: environment() },
    stdio: ['ignore', 'pipe', 'pipe', ...descriptorOf(command)],
  });
}

function words(name: string, script: string, folder: string, command: Command): [string, string[]] {
  const { redirections, groups, args } = command;
  return ['sh', ['-c', script, name, folder, redirections, ...groups, '--', ...args]];
}

function descriptorOf({ descriptor }: Command): Extract<SpawnOptions['stdio'], unknown[]> {
  return descriptor === undefined ? [] : [descriptor.fd];
}
