import {
  bodyMaxChars,
  maxAttributes,
  observabilityTopics,
  type ObservedLog,
  type Severity,
} from '../../cloud-sync/protocol/observability.ts';
import type { LogEvent } from '../../lib/logger.ts';

export type LogMessage = { readonly topic: string; readonly event: ObservedLog };

const severities: Readonly<Record<LogEvent['level'], Severity>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
};

const maxAttributeChars = 2048;

/** How a field of a log is named for OpenTelemetry; others are put under `holdfast.`. */
const fieldNames: Readonly<Record<string, string>> = { code: 'error.type', error: 'error.message' };

/**
 * A line of the log as an event of the stream, which goes to the cloud: bounded, whatever the line holds. The field `local` is for the
 * journal: names of files in volumes stay on the device. [G7]
 */
export function logMessageOf({ time, level, event, local: _local, ...fields }: LogEvent): LogMessage {
  const severity = severities[level];
  const { message, ...rest } = fields;
  const topic = speakerOf(event, fields);
  // What a function or an app says is its own; everything else is about it.
  if (topic !== undefined && typeof message === 'string')
    return {
      topic,
      event: { time, severity, body: cut(message, bodyMaxChars), attributes: attributesOf(rest) },
    };
  return {
    topic: observabilityTopics.agentLog,
    event: { time, severity, body: event, attributes: attributesOf(fields) },
  };
}

function speakerOf(event: string, fields: Readonly<Record<string, unknown>>): string | undefined {
  if (event === 'function.log' && typeof fields.function === 'string')
    return observabilityTopics.functionLog(fields.function);
  if (event === 'app.log' && typeof fields.app === 'string') return observabilityTopics.appLog(fields.app);
  return undefined;
}

function attributesOf(fields: Readonly<Record<string, unknown>>): ObservedLog['attributes'] {
  const attributes: ObservedLog['attributes'] = {};
  for (const [key, value] of Object.entries(fields).slice(0, maxAttributes)) {
    if (value === undefined || typeof value === 'function') continue;
    attributes[fieldNames[key] ?? `holdfast.${key}`] =
      (typeof value === 'number' && Number.isFinite(value)) || typeof value === 'boolean'
        ? value
        : cut(typeof value === 'string' ? value : JSON.stringify(value), maxAttributeChars);
  }
  return attributes;
}

function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
}
