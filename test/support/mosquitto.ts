import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type Ran = { readonly code: number | null; readonly lines: string[]; readonly errors: string };

/** Runs mosquitto_pub or mosquitto_sub to its end. */
export async function mosquitto(
  program: 'mosquitto_pub' | 'mosquitto_sub',
  options: readonly string[],
): Promise<Ran> {
  const child = spawn(program, ['-V', 'mqttv311', ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  const lines = Buffer.concat(out)
    .toString()
    .split('\n')
    .filter((line) => line !== '');
  return { code, lines, errors: Buffer.concat(errors).toString() };
}
