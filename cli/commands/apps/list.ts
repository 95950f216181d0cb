import type { Status } from '../../../agent/control/protocol.ts';
import { agentRoot } from '../../context.ts';
import type { Output } from '../../output.ts';
import { printable } from '../../printable.ts';
import type { Run } from '../../run.ts';
import { formatTable } from '../../table.ts';

type Listed = Status['apps'][string] & {
  readonly name: string;
  readonly state: string;
  readonly message: string | null;
  /** Why it holds updates back; null when it does not. */
  readonly lock: string | null;
};

/** The apps that run on this device. */
export async function list(run: Run): Promise<void> {
  const { ControlClient } = await import('../../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  const { apps, components, isolations } = await agent.status(run.signal);
  const locks = new Map((await agent.apps.locks(run.signal)).map(({ app, reason }) => [app, reason]));
  const listed = Object.entries(apps).map(([name, status]): Listed => {
    const { state = 'unknown', message = null } = components[`apps.${name}`] ?? {};
    return { name, state, message, lock: locks.get(name) ?? null, ...status };
  });
  run.out.result({ apps: listed, isolations }, () => format(run.out, listed, isolations));
}

function format(out: Output, listed: readonly Listed[], { unenforced }: Status['isolations']): string {
  if (listed.length === 0) return 'No apps yet. Add them to the manifest and deploy: holdfast deploy FILE';
  const rows = listed.map(({ name, state, isolation, pid, restarts, started, lock, message, health }) => [
    name,
    out.paint(state === 'running' ? 'green' : 'yellow', state),
    isolation,
    pid === null ? '-' : String(pid),
    restarts === 0 ? '0' : out.paint('yellow', String(restarts)),
    started?.slice(0, 19).replace('T', ' ') ?? '-',
    printable(
      [lock === null ? '' : `holds updates back: ${lock}`, message ?? health ?? '']
        .filter(Boolean)
        .join('; '),
    ),
  ]);
  return [
    formatTable(['APP', 'STATE', 'ISOLATION', 'PID', 'RESTARTS', 'STARTED (UTC)', ''], rows),
    ...unenforced.map(({ limit, why }) =>
      out.paint('yellow', `Limits of ${limit} are not enforced here: ${why}`),
    ),
  ].join('\n');
}
