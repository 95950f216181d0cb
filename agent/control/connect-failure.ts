import { errorCode } from '../../lib/error-code.ts';
import { isTransientNetworkError } from '../../lib/network-error.ts';
import { AgentError } from '../errors.ts';

/** Nothing is there, or a file is where the folder would be. */
const noSocket: readonly string[] = ['ENOENT', 'ENOTDIR'];
const noRight: readonly string[] = ['EACCES', 'EPERM'];

/** An AgentError 'agentNotRunning' or 'denied' for why the agent on `root` was not reached; other errors as they are. */
export function connectFailure(cause: unknown, root: string): unknown {
  const code = errorCode(cause) ?? '';
  if (noRight.includes(code))
    return new AgentError('denied', `This user may not use the agent on ${root}`, {
      cause,
      hint: 'Run this as the user that the agent runs as, or as root: who may use its control socket may do anything with the device.',
    });
  if (!noSocket.includes(code) && !isTransientNetworkError(cause)) return cause;
  return new AgentError('agentNotRunning', `No agent is running on ${root}`, {
    cause,
    hint: `Start it with: holdfast agent up --root ${root}. One that runs elsewhere is named by --root, or HOLDFAST_ROOT.`,
  });
}
