import { execFile } from 'node:child_process';

export type Ended = { readonly exitCode: number | null; readonly output: string };

/** Runs a program of the machine with an environment of its PATH only. Never rejects; `exitCode` is null when it could not run to its end. */
export function runToEnd(
  program: string,
  args: readonly string[],
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<Ended> {
  const options = {
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    env: { PATH: process.env.PATH },
    maxBuffer: 65_536,
  } as const;
  return new Promise((resolve) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ exitCode: code, output: `${stdout}${stderr}` });
    });
  });
}
