/** `holdfast/testing`: runs a function in a test. */
export type { FileChange, MessageOptions, TestQueueMessage } from './events.ts';
export {
  createTestEnvironment,
  type TestEnvironment,
  type TestEnvironmentOptions,
  type TestMessage,
  type TestShadow,
  type TestStore,
} from './test-environment.ts';
