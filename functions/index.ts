/** The door for the agent and the CLI; authors of functions use `sdk/`. */
export { FunctionError, type FunctionErrorCode } from './function-error.ts';
export { buildBundle, type BuiltBlob, type BuiltBundle } from './bundle/build-bundle.ts';
export { readBundle, type FunctionBundle, type ReadBundleOptions } from './bundle/read-bundle.ts';
export { bundleLimits, mediaTypes, type BundleConfig } from './bundle/format.ts';
export type {
  FunctionDefinition,
  FunctionLog,
  InvocationEffects,
  InvocationEvent,
  InvocationResult,
} from './runtime/ports.ts';
export { FunctionRuntime, type FunctionRuntimeOptions } from './runtime/function-runtime.ts';
export { hostEntryPath } from './runtime/host-entry.ts';
