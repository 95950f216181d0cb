import type { Trigger } from '../../manifests/function.ts';
import { FunctionError } from '../function-error.ts';
import type { BindingKind } from '../host/protocol.ts';
import { bindingKinds } from './bindings.ts';
import { noCrashes, type CrashRecord } from './crash-policy.ts';
import { Gate } from './gate.ts';
import type { FunctionDefinition } from './ports.ts';
import { stackMapper } from './stack-mapper.ts';

/** One deployed version of a function. A newer one takes its name; this one stays until its invocations have ended. */
export type Deployment = FunctionDefinition & {
  /** Names this version towards the hosts; never used again. */
  readonly slot: number;
  readonly kinds: Readonly<Record<string, BindingKind>>;
  readonly gate: Gate;
  readonly mapStack: (stack: string) => string;
  crashes: CrashRecord;
  /** Invocations running or waiting. */
  users: number;
  retired: boolean;
};

/** Throws FunctionError `unsupported` for a binding of a kind that is not there. */
export function createDeployment(
  definition: FunctionDefinition,
  slot: number,
  previous: Deployment | undefined,
): Deployment {
  const { name, bundle, spec } = definition;
  const sameCode = previous?.bundle.digest === bundle.digest;
  return {
    name,
    bundle,
    spec,
    slot,
    kinds: bindingKinds(name, spec.bindings),
    gate: new Gate(spec.limits),
    mapStack: stackMapper(bundle.sourceMap),
    crashes: sameCode ? previous.crashes : noCrashes,
    users: 0,
    retired: false,
  };
}

/** A trigger without a handler is found at deploy, not at the first event. */
export function checkHandlers({ name, spec }: FunctionDefinition, handlers: readonly string[]): void {
  if (handlers.includes('handler')) return;
  if (handlers.length === 0) throw noHandler(`Function ${name} exports no handler`, 'message');
  for (const trigger of spec.on) {
    const handler = handlerOf(trigger);
    if (handler === undefined || handlers.includes(handler)) continue;
    throw noHandler(
      `Function ${name} has the trigger ${Object.entries(trigger).join().replace(',', ': ')}, but its bundle has no ${handler} handler; it has ${handlers.join(', ')}`,
      handler,
    );
  }
}

function handlerOf(trigger: Trigger): string | undefined {
  if ('mqtt' in trigger) return 'message';
  return 'cron' in trigger ? 'scheduled' : undefined;
}

function noHandler(message: string, handler: string): FunctionError {
  return new FunctionError('noHandler', message, {
    hint: `Export it, \`export default { ${handler}(event, env, ctx) { … } }\`, and push again.`,
  });
}
