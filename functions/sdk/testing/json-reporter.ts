import type { EventData } from 'node:test';

type TestEvent =
  | { readonly type: 'test:pass'; readonly data: EventData.TestPass }
  | { readonly type: 'test:fail'; readonly data: EventData.TestFail }
  | { readonly type: string; readonly data?: unknown };

/** A reporter of node's test runner: one JSON line a test, `{"event":"test","name",…}`. */
export default async function* jsonReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, file, line, details, skip } = event.data as EventData.TestPass & EventData.TestFail;
    // The runner reports each file as a test of its own too.
    if ((details.type as string | undefined) === 'suite' || name === file) continue;
    const error = event.type === 'test:fail' ? reasonOf(details.error) : undefined;
    const outcome = error === undefined ? (skip === undefined ? 'passed' : 'skipped') : 'failed';
    yield `${JSON.stringify({ event: 'test', name, outcome, file, line, durationMs: details.duration_ms, error })}\n`;
  }
}

function reasonOf({ message, cause }: { readonly message: string; readonly cause?: unknown }): string {
  return cause instanceof Error ? cause.message : message;
}
