import type { Trigger } from '../../manifests/function.ts';
import { FunctionError } from '../function-error.ts';
import type { BindingKind } from '../host/protocol.ts';
import { noCrashes, type CrashRecord } from './crash-policy.ts';
import { fetchGate, shareOf } from './fetch-share.ts';
import { Gate } from './gate.ts';
import type { FunctionDefinition, OutsideEffects } from './ports.ts';
import type { SecretValues } from './secret-values.ts';
import { stackMapper } from './stack-mapper.ts';

/** One deployed version of a function. A newer one takes its name; this one stays until its invocations have ended. */
export type Deployment = FunctionDefinition & {
  /** Names this version towards the hosts; never used again. */
  readonly slot: number;
  readonly kinds: Readonly<Record<string, BindingKind>>;
  readonly gate: Gate;
  /** Of its requests, whichever version makes them. */
  readonly fetches: Gate;
  readonly outside: OutsideEffects | undefined;
  readonly mapStack: (stack: string) => string;
  readonly secrets: SecretValues;
  crashes: CrashRecord;
  /** Why it could not be loaded when it had all the secrets that it waited for. */
  refusal: FunctionError | undefined;
  /** Invocations running or waiting. */
  users: number;
  retired: boolean;
};

export type DeploymentOptions = {
  readonly slot: number;
  readonly previous: Deployment | undefined;
  readonly kinds: Deployment['kinds'];
  readonly secrets: SecretValues;
  readonly outside: OutsideEffects | undefined;
};

export function createDeployment(
  definition: FunctionDefinition,
  { slot, previous, kinds, secrets, outside }: DeploymentOptions,
): Deployment {
  const { name, bundle, spec } = definition;
  const fetches = previous?.fetches ?? fetchGate();
  const sameCode = previous?.bundle.digest === bundle.digest;
  return {
    name,
    bundle,
    spec,
    slot,
    kinds,
    secrets,
    gate: new Gate(spec.limits),
    fetches,
    outside: outside && shareOf(outside, name, fetches),
    mapStack: stackMapper(bundle.sourceMap),
    crashes: sameCode ? previous.crashes : noCrashes,
    refusal: undefined,
    users: 0,
    retired: false,
  };
}

/** What waited for secrets that are set now is told why it still cannot run. Its events stay: the next value may be a better one. */
export function noteRefusal(waiting: Deployment | undefined, tried: Deployment, cause: unknown): void {
  if (!waiting || waiting.secrets.missing.length === 0) return;
  if (waiting.bundle.digest !== tried.bundle.digest || !(cause instanceof FunctionError)) return;
  const { message, hint, transient } = cause;
  waiting.refusal = new FunctionError('badBundle', message, {
    ...(hint !== undefined && { hint }),
    transient,
    cause,
  });
}

/** A trigger without a handler is found at deploy, not at the first event. */
export function checkHandlers({ name, spec }: FunctionDefinition, handlers: readonly string[]): void {
  if (handlers.includes('handler')) return;
  if (handlers.length === 0) throw noHandler(`Function ${name} exports no handler`, 'message');
  for (const trigger of spec.on) {
    const { handler, written } = needs(trigger);
    if (handlers.includes(handler)) continue;
    throw noHandler(
      `Function ${name} has the trigger ${written}, but its bundle has no ${handler} handler; it has ${handlers.join(', ')}`,
      handler,
    );
  }
}

/** The handler that takes events of a trigger, and the trigger as it is written. */
function needs(trigger: Trigger): { readonly handler: string; readonly written: string } {
  if ('mqtt' in trigger) return { handler: 'message', written: `mqtt: ${trigger.mqtt}` };
  if ('cron' in trigger) return { handler: 'scheduled', written: `cron: ${trigger.cron}` };
  if ('http' in trigger) return { handler: 'fetch', written: `http: ${trigger.http}` };
  if ('queue' in trigger) return { handler: 'queue', written: `queue: ${trigger.queue}` };
  if ('stream' in trigger) return { handler: 'message', written: `stream: ${trigger.stream}` };
  if ('volume' in trigger) return { handler: 'file', written: `volume: ${trigger.volume}` };
  return trigger satisfies never;
}

function noHandler(message: string, handler: string): FunctionError {
  return new FunctionError('noHandler', message, {
    hint: `Export it, \`export default { ${handler}(event, env, ctx) { … } }\`, and push again.`,
  });
}
