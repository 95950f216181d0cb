import { join } from 'node:path';
import type { FunctionError } from '../../functions/function-error.ts';
import type { FunctionLog, InvocationEvent, InvocationResult } from '../../functions/runtime/ports.ts';
import type { QueuedMessage, StoredMessage } from '../../functions/sdk/testing/memory-state.ts';
import { isCodedError } from '../../lib/coded-error.ts';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import type { Style } from '../io.ts';
import type { Output } from '../output.ts';

export type DevReporterOptions = {
  readonly out: Output;
  /** From here to the entry's folder, so that a terminal can open `file:line`. */
  readonly sourceFolder: string;
};

const shownChars = 2000;
const levels = { debug: 'dim', info: undefined, warn: 'yellow', error: 'red' } as const;

/** Says what happens in a development session: lines for people, JSON lines with `--json`. */
export class DevReporter {
  readonly #out: Output;
  readonly #folder: string;

  constructor({ out, sourceFolder }: DevReporterOptions) {
    this.#out = out;
    this.#folder = sourceFolder;
  }

  /** `readOnce`: files read once, at the start. `missing`: secrets that have no value; nothing runs without them. */
  ready(
    url: string,
    functionName: string,
    {
      missing = [],
      readOnce = [],
    }: { readonly missing?: readonly string[]; readonly readOnce?: readonly string[] } = {},
  ): void {
    const fields = { event: 'ready', url, function: functionName, pid: process.pid };
    this.#out.item({ ...fields, ...(missing.length > 0 && { missingSecrets: missing }) }, () =>
      [
        `${this.#out.paint('bold', functionName)} runs at ${this.#out.paint('cyan', url)}`,
        `  other events   curl -d '{"n": 1}' '${url}/cdn-cgi/handler/message?topic=a/b'   (also scheduled, queue, file, invoke)`,
        ...(missing.length === 0
          ? []
          : [
              this.#out.paint(
                'yellow',
                `  missing secrets ${missing.join(', ')}: write NAME=value into .dev.vars beside the entry and start again`,
              ),
            ]),
        `Ctrl-C stops it. Start again after changing ${readOnce.join(' or ')}.`,
      ].join('\n'),
    );
  }

  built({
    digest,
    bytes,
    ms,
  }: {
    readonly digest: string;
    readonly bytes: number;
    readonly ms: number;
  }): void {
    this.#line('green', 'built', `${bytes} bytes, loaded in ${Math.round(ms)} ms`, {
      event: 'built',
      digest,
      bytes,
      ms,
    });
  }

  /** The build failed, or what was built could not be loaded; the version before goes on. */
  refused(error: unknown): void {
    const message = this.#mapped(errorMessage(error));
    const stack = this.#stackOf(error);
    const hint = hintOf(error);
    const fields = {
      event: 'refused',
      code: errorCode(error),
      message,
      ...(hint && { hint }),
      ...(stack && { stack }),
    };
    this.#line('red', 'refused', message, fields, hint);
  }

  log({ level, message, invocation, time }: FunctionLog): void {
    const text = this.#mapped(message);
    this.#out.item({ event: 'log', level, message: text, invocation, time }, () =>
      indent(this.#paint(levels[level], text)),
    );
  }

  succeeded(event: InvocationEvent, { value, response, queue, cpuMs, wallMs }: InvocationResult): void {
    const fields = {
      ...(response ? { status: response.status } : {}),
      ...(value === undefined ? {} : { value }),
      ...(queue && queue.retry.length > 0 ? { retry: queue.retry } : {}),
    };
    const said = response
      ? String(response.status)
      : value === undefined
        ? 'ok'
        : shown(JSON.stringify(value));
    this.#line(
      response && response.status >= 500 ? 'red' : 'green',
      titleOf(event),
      `${said}  ${this.#out.paint('dim', `${Math.round(wallMs)} ms, ${cpuMs.toFixed(1)} ms CPU`)}`,
      { event: 'invocation', kind: event.kind, title: titleOf(event), ok: true, ...fields, cpuMs, wallMs },
    );
  }

  failed(event: InvocationEvent, error: unknown): void {
    const message = errorMessage(error);
    const stack = this.#stackOf(error);
    const hint = hintOf(error);
    const fields = { code: errorCode(error), message, ...(hint && { hint }), ...(stack && { stack }) };
    // The stack came as a log.
    const title = titleOf(event);
    const told = { event: 'invocation', kind: event.kind, title, ok: false, ...fields };
    this.#line('red', title, this.#mapped(message), told, hint);
  }

  published({ topic, payload, retain, qos }: StoredMessage): void {
    const text = shown(textOf(payload));
    this.#out.item({ event: 'published', topic, payload: text, qos, retain }, () =>
      indent(`${this.#out.paint('cyan', `→ ${topic}`)} ${text}`),
    );
  }

  queued({ queue, body, delayMs }: QueuedMessage): void {
    const text = shown(textOf(body));
    this.#out.item({ event: 'queued', queue, body: text, delayMs }, () =>
      indent(`${this.#out.paint('cyan', `→ queue ${queue}`)} ${text}`),
    );
  }

  dead(queue: string, count: number): void {
    this.#line('yellow', `queue ${queue}`, `${count} given up`, { event: 'dead', queue, count });
  }

  #line(
    style: Style,
    title: string,
    text: string,
    fields: Readonly<Record<string, unknown>>,
    hint?: string,
  ): void {
    const second = () =>
      hint === undefined ? '' : `\n${indent(`${this.#out.paint('cyan', 'hint:')} ${hint}`)}`;
    this.#out.item(fields, () => `${this.#out.paint(style, title)}  ${text}${second()}`);
  }

  #paint(style: Style | undefined, text: string): string {
    return style ? this.#out.paint(style, text) : text;
  }

  #stackOf(error: unknown): string | undefined {
    const stack = (error as Partial<FunctionError> | undefined)?.tenantStack;
    return stack === undefined ? undefined : this.#mapped(stack);
  }

  /** `index.ts:3:9` of the bundle, as seen from the folder one is in. */
  #mapped(text: string): string {
    return text.replace(
      /(?<=^|[\s(])(?<file>(?![\\/]|[a-z]+:)[\w.@/-]+\.[cm]?[jt]sx?)(?=:\d+:\d+)/gm,
      (file) => join(this.#folder, file),
    );
  }
}

/** Of a device's secret: here its value comes from a file. Of its logs: here they are above. */
function hintOf(error: unknown): string | undefined {
  if (errorCode(error) === 'threw') return undefined;
  if (errorCode(error) === 'secretMissing')
    return 'Write NAME=value into .dev.vars beside the entry and start again.';
  return isCodedError(error) ? error.hint : undefined;
}

function titleOf(event: InvocationEvent): string {
  switch (event.kind) {
    case 'message':
      return `message ${event.topic}`;
    case 'scheduled':
      return `scheduled ${event.cron}`;
    case 'invoke':
      return 'invoke';
    case 'fetch':
      return `${event.method} ${new URL(event.url).pathname}`;
    case 'queue':
      return `queue ${event.queue} (${event.messages.length})`;
    case 'file':
      return `file ${event.volume}/${event.path}`;
    default:
      return event satisfies never;
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, shownChars * 4));
}

function shown(text: string): string {
  return text.length > shownChars ? `${text.slice(0, shownChars)}…` : text;
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}
