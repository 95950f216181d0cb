import { CodedError, type CodedErrorOptions } from '../lib/coded-error.ts';

export type FunctionErrorCode =
  /** Wall-clock limit passed. */
  | 'timeout'
  /** CPU limit passed. */
  | 'cpu'
  /** Memory limit passed. */
  | 'memory'
  /** The handler threw or rejected. */
  | 'threw'
  /** A binding call that the manifest does not grant. */
  | 'denied'
  /** A binding call with arguments out of bounds. */
  | 'badCall'
  /** A test environment cannot be made of these options. */
  | 'badOptions'
  /** A fetch, or the call of another function, failed: the function is told and may go on. */
  | 'callFailed'
  /** Functions called each other, or themselves, too many times over. */
  | 'tooDeep'
  /** A secret of a binding has no value on this device; the function waits for it. */
  | 'secretMissing'
  /** The value returned is larger than 1 MiB of JSON. */
  | 'resultTooLarge'
  /** The event is larger than a frame may be. */
  | 'eventTooLarge'
  /** Bytes, digests, sizes or types of a bundle do not hold, or its top level throws. */
  | 'badBundle'
  /** esbuild refused the source. */
  | 'buildFailed'
  /** A binding of a kind that this version cannot give. */
  | 'unsupported'
  | 'notDeployed'
  /** The bundle has no handler for the event. */
  | 'noHandler'
  /** Another function took the host process down; deliver the event again. */
  | 'hostLost'
  /** More invocations wait than `limits.queue` allows. */
  | 'queueFull'
  /** The function took its host down again and again; it is stopped for a while. */
  | 'crashLoop'
  | 'cancelled';

/** CPU time, 0 when it is not known, and bytes sent by fetch. */
export type InvocationUsage = { readonly cpuMs: number; readonly egressBytes: number };

type FunctionErrorOptions = CodedErrorOptions & {
  readonly tenantStack?: string | undefined;
  readonly noRetry?: boolean;
};

export class FunctionError extends CodedError<FunctionErrorCode> {
  /** The tenant's own stack, source-mapped when the bundle has a map; at most 8 KiB. */
  readonly tenantStack: string | undefined;
  /** The function asked that this event is not tried again. */
  readonly noRetry: boolean;
  /** What the invocation used that ended by this error; undefined when none had begun. Set by the runtime. */
  usage: InvocationUsage | undefined;

  constructor(
    code: FunctionErrorCode,
    message: string,
    { tenantStack, noRetry = false, ...options }: FunctionErrorOptions = {},
  ) {
    super(code, message, options);
    this.tenantStack = tenantStack;
    this.noRetry = noRetry;
  }
}
