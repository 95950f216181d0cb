import type { EventHeader } from './shape.ts';

type Header = Extract<EventHeader, { kind: 'scheduled' }>;

/** As in Workers. */
export class ScheduledController {
  readonly type = 'scheduled';
  readonly cron: string;
  /** Milliseconds since 1970: the planned time. */
  readonly scheduledTime: number;

  readonly #invocation: { noRetry: boolean };

  constructor({ cron, scheduledTime }: Header, invocation: { noRetry: boolean }) {
    this.#invocation = invocation;
    this.cron = cron;
    this.scheduledTime = Date.parse(scheduledTime);
  }

  /** Should this run fail, it is not tried again. */
  noRetry(): void {
    this.#invocation.noRetry = true;
  }
}
