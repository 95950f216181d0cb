import type { Component } from '../../../cloud-sync/protocol/messages.ts';
import type { AppState, End } from './app-state.ts';
import { spokenDuration } from './spoken.ts';
import type { SupervisedApp } from './supervised-app.ts';

type Described = Pick<SupervisedApp, 'wanted' | 'state' | 'healthText' | 'lastLine'>;

const messageMaxChars = 1024;

/** An app as it is reported. `undeclared`: ports that it listens on besides its own. */
export function componentOf(app: Described, nowMs: number, undeclared: readonly number[] = []): Component {
  const [state, said] = describe(app, nowMs);
  const text = [said, portsText(undeclared)].filter((part) => part !== undefined).join('; ');
  return {
    kind: 'app',
    digest: app.wanted.launch.image,
    state,
    ...(text !== '' && { message: text.slice(0, messageMaxChars) }),
  };
}

function describe(app: Described, nowMs: number): [Component['state'], string | undefined] {
  const { phase, lastEnd } = app.state;
  switch (phase.kind) {
    case 'waiting':
      return ['waiting', phase.obstacle?.message ?? 'starts'];
    case 'starting':
      return ['waiting', 'starts'];
    case 'running':
      return phase.isWell
        ? ['running', undefined]
        : ['waiting', `runs, not yet known to be well${app.healthText ? `: ${app.healthText}` : ''}`];
    case 'ailing':
      return ['failed', withLine(`${phase.end.text}; it is being stopped`, app)];
    case 'backingOff':
      return [
        lastEnd?.isGood ? 'waiting' : 'failed',
        withLine(`${endText(lastEnd)}; starts again in ${spokenDuration(phase.untilMs - nowMs)}`, app),
      ];
    case 'ended':
      return [phase.end.isGood ? 'stopped' : 'failed', withLine(phase.end.text, app)];
    case 'stopping':
      return ['stopped', 'is being stopped'];
    case 'stopped':
      return ['stopped', stoppedText(app.wanted.name, phase)];
    default:
      return phase satisfies never;
  }
}

function portsText(ports: readonly number[]): string | undefined {
  if (ports.length === 0) return undefined;
  return `listens on ${ports.join(', ')}, which its run.ports does not have`;
}

function endText(end: End | undefined): string {
  return end?.text ?? 'ended';
}

function stoppedText(name: string, { by }: Extract<AppState['phase'], { kind: 'stopped' }>): string {
  return by === 'operator' ? `stopped by hand; holdfast apps start ${name}` : 'stopped for an update';
}

function withLine(text: string, { lastLine }: Described): string {
  return lastLine === undefined ? text : `${text}; last line: ${lastLine}`;
}
