/** What the agent and the command use of functions. Authors of functions import `sdk/`. */
export { buildBundle } from './bundle/build-bundle.ts';
export { readBundle, type FunctionBundle } from './bundle/read-bundle.ts';
export { FunctionRuntime } from './runtime/function-runtime.ts';
export type {
  DeletedShadow,
  FunctionLog,
  FunctionResponse,
  InvocationEffects,
  InvocationEvent,
  InvocationResult,
  OutsideEffects,
} from './runtime/ports.ts';
