import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { Instance } from '../ports.ts';
import type { CheckResult } from './health-state.ts';

const outputMaxChars = 200;

/** Whether a program beside the app ends with code 0. Rejects with nothing. */
export async function checkExec(
  instance: Pick<Instance, 'exec'>,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<CheckResult> {
  try {
    const { exitCode, output } = await instance.exec(args, options);
    const said = output.trim().split('\n').at(-1) ?? '';
    const text = `exited with code ${exitCode}${said === '' ? '' : `: ${said.slice(0, outputMaxChars)}`}`;
    return { isGood: exitCode === 0, text };
  } catch (error) {
    const text = errorCode(error) === 'timeout' ? 'did not end' : `could not be run (${errorMessage(error)})`;
    return { isGood: false, text };
  }
}
