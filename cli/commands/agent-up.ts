import { Option, type Command } from 'commander';
import type { Agent } from '../../agent/main.ts';
import { agentRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import { readInput } from '../files.ts';
import { aborted, isByHand } from '../interrupt.ts';
import { examples, formatAddress, parseAddress, parsePort, type Address } from '../options.ts';
import { formatToolFolder } from '../tool-folder-text.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { setting } from '../setting.ts';

type Options = {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly mqttHost: string;
  readonly mqttPort: number;
  readonly http: Address;
  readonly keepApps?: true;
};

export function registerAgentUp(program: Command, surroundings: Surroundings): void {
  const agent = program.command('agent').description('Run the device agent.');
  agent
    .command('up')
    .description('Run the agent of this device in the foreground.')
    .option(
      '--token <token>',
      'A one-time enrolment token; needed at the first start only (or $HOLDFAST_TOKEN).',
    )
    .option(
      '--token-file <file>',
      'Read the token from a file; - reads stdin. Keeps it out of the process list.',
    )
    .option('--mqtt-host <address>', 'Where the local MQTT broker listens.', '127.0.0.1')
    .option('--mqtt-port <port>', 'Its port; 0 takes a free one and keeps it.', parsePort, 1883)
    .addOption(
      new Option(
        '--http <host:port>',
        'Where functions with an http trigger are reached; port 0 takes a free one and keeps it.',
      )
        .argParser(parseAddress)
        .default({ host: '127.0.0.1', port: 0 }, '127.0.0.1:0'),
    )
    .option('--keep-apps', 'Leave apps running at Ctrl-C, as at SIGTERM; the next agent takes them over.')
    .addHelpText(
      'after',
      examples(
        'holdfast agent up --root ./device --token hft1.…',
        'holdfast agent up                        # enrolled before; the default root',
      ),
    )
    .action(action(surroundings, agentUp));
}

async function agentUp(run: Run, options: Options): Promise<void> {
  const { startAgent } = await import('../../agent/main.ts');
  const token = await readToken(run, options);
  await using agent = await startAgent({
    root: agentRoot(run),
    mqtt: { host: options.mqttHost, port: options.mqttPort },
    http: options.http,
    ...(token !== undefined && { token }),
    onLog: run.logSink,
    signal: run.signal,
  });
  // Since the process began, loading included.
  const readyMs = Math.round(performance.now());
  const { device, mqtt, http, controlSocket, exports: exported } = agent;
  run.out.announce({ event: 'ready', device, mqtt, http, controlSocket, pid: process.pid, readyMs }, () =>
    [
      run.out.paint('bold', `The agent of ${device} is up (${readyMs} ms).`),
      `  local MQTT      ${mqtt.host}:${mqtt.port}`,
      ...(http === null ? [] : [`  HTTP            http://${formatAddress(http)}`]),
      `  control socket  ${controlSocket}`,
      ...(exported.programs.length === 0
        ? []
        : [`  tools           ${formatToolFolder(run.out, exported.folder, run.io.env.PATH)}`]),
      `Ctrl-C stops it${options.keepApps ? '' : ', and its apps'}.`,
    ].join('\n'),
  );
  await Promise.race([aborted(run.signal), agent.failed]);
  if (isByHand(run.signal) && !options.keepApps) await stopApps(run, agent);
}

async function stopApps(run: Run, agent: Pick<Agent, 'stopApps'>): Promise<void> {
  const names = await agent.stopApps();
  if (names.length === 0) return;
  run.out.note(`Stopped ${names.join(', ')}. With --keep-apps, apps go on without the agent.`);
}

/** From `--token`, `--token-file` or HOLDFAST_TOKEN. */
export async function readToken(
  { io }: Run,
  { token, tokenFile }: { token?: string; tokenFile?: string },
): Promise<string | undefined> {
  if (token !== undefined && tokenFile !== undefined) {
    throw new CliError('usage', 'Give --token or --token-file, not both.');
  }
  if (tokenFile === undefined) return token ?? setting(io.env, 'HOLDFAST_TOKEN');
  return (await readInput(io, tokenFile, { what: 'token file', maxBytes: 8192 })).trim();
}
