import type { Command } from 'commander';
import { agentRoot } from '../../context.ts';
import { examples, parseName } from '../../options.ts';
import { printable } from '../../printable.ts';
import { action, type Run, type Surroundings } from '../../run.ts';

const verbs = {
  start: { done: 'Started', description: 'Start an app that was stopped, or that ran to its end.' },
  stop: {
    done: 'Stopped',
    description: 'Stop an app until it is started again: over restarts of the device, and over deploys.',
  },
  restart: { done: 'Restarted', description: 'Stop an app and start it again.' },
} as const;
type Verb = keyof typeof verbs;

export function registerControl(apps: Command, surroundings: Surroundings): void {
  for (const verb of Object.keys(verbs) as Verb[])
    apps
      .command(verb)
      .description(verbs[verb].description)
      .argument('<app>', 'Its name in the manifest.', parseName)
      .addHelpText('after', examples(`holdfast apps ${verb} dashboard`))
      .action(action(surroundings, (run: Run, _: object, name: string) => control(run, verb, name)));
}

async function control(run: Run, verb: Verb, name: string): Promise<void> {
  const { ControlClient } = await import('../../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  await agent.apps[verb](name, run.signal);
  const { components } = await agent.status(run.signal);
  const { state = 'unknown', message = null } = components[`apps.${name}`] ?? {};
  run.out.result({ app: name, state, message }, () =>
    state === 'waiting' && message !== null && verb !== 'stop' && message !== 'starts'
      ? `${verbs[verb].done} ${name}: it ${printable(message)}.`
      : `${verbs[verb].done} ${name}.`,
  );
}
