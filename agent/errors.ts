import { CodedError, type CodedErrorOptions } from '../lib/coded-error.ts';

export type AgentErrorCode =
  // This machine
  | 'portInUse'
  | 'diskFull'
  | 'corrupt'
  | 'stateBroken'
  | 'broken'
  | 'locked'
  | 'rootNotEmpty'
  | 'notEnrolled'
  | 'agentNotRunning'
  // What was asked
  | 'notConfigured'
  | 'unknownFunction'
  | 'unknownDeadLetter'
  | 'unknownSecret'
  | 'unknownDevice'
  | 'unknownStream'
  | 'unknownVolume'
  | 'unknownConsumer'
  | 'badInput'
  | 'badMessage'
  | 'unsupported'
  | 'denied'
  | 'refused'
  | 'notPinned'
  // Apps
  | 'unknownApp'
  | 'unknownGeneration'
  | 'noRuntime'
  | 'badImage'
  | 'startFailed'
  | 'unhealthy'
  /** Data that an update may change could not be snapshotted whole. */
  | 'notSecured'
  // Bounds
  | 'tooLarge'
  | 'queueFull'
  /** By hand, or because its budget is used up. */
  | 'paused'
  | 'overloaded'
  /** What was read has been changed by another before the write; transient. */
  | 'conflict'
  /** The queued event is no more there, or another function has it. */
  | 'gone'
  // Others
  | 'cloudUnreachable'
  | 'timeout'
  | 'cancelled'
  | 'closed';

/** What fails in the agent. `transient` is decided where the failure was seen. */
export class AgentError extends CodedError<AgentErrorCode> {
  constructor(code: AgentErrorCode, message: string, options: CodedErrorOptions = {}) {
    super(code, message, options);
  }
}
