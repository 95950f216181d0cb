import { errorCode } from '../../lib/error-code.ts';
import type { FunctionRuntimePort } from '../triggers/ports.ts';
import type { LaneStatus } from '../triggers/dispatcher.ts';
import type { AgentMeter } from './metrics.ts';

type Invoker = Pick<FunctionRuntimePort, 'invoke' | 'problem' | 'denials'>;

/** The runtime, with every invocation measured. */
export function measureInvocations(runtime: Invoker, meter: AgentMeter): Invoker {
  return {
    problem: (name) => runtime.problem?.(name),
    denials: (name) => runtime.denials?.(name) ?? 0,
    async invoke(name, event, effects, options) {
      try {
        const result = await runtime.invoke(name, event, effects, options);
        const { cpuMs, wallMs, coldStart } = result;
        meter.add('holdfast.function.invocations', { function: name, outcome: 'ok' });
        meter.add('holdfast.function.cpu.time', { function: name }, cpuMs / 1000);
        meter.record('holdfast.function.duration', wallMs / 1000, { function: name });
        if (coldStart) meter.add('holdfast.function.cold_starts', { function: name });
        return result;
      } catch (error) {
        meter.add('holdfast.function.invocations', { function: name, outcome: errorCode(error) ?? 'error' });
        throw error;
      }
    },
  };
}

/** How functions are at each snapshot. Returns how to stop. */
export function measureFunctions(
  meter: AgentMeter,
  lanes: () => Readonly<Record<string, LaneStatus>>,
): () => void {
  return meter.observe((report) => {
    for (const [name, status] of Object.entries(lanes())) {
      const of = { function: name };
      report('holdfast.function.queue.length', status.queued, of);
      report('holdfast.function.in_flight', status.inFlight, of);
      report('holdfast.function.dead_letters', status.deadLetters, of);
      report('holdfast.function.denials', status.denials, of);
      const { budget } = status;
      if (!budget) continue;
      report('holdfast.function.budget.invocations', budget.invocations, of);
      report('holdfast.function.budget.egress', budget.egressBytes, of);
      report('holdfast.function.budget.cpu', budget.cpuMs / 1000, of);
      report('holdfast.function.budget.dropped', budget.dropped, of);
    }
  });
}
