import { Meter } from '../../lib/metrics/meter.ts';
import type { MetricDefinitions } from '../../lib/metrics/metric.ts';

/** Seconds. A commit takes half a millisecond, a slow function a minute. */
const durations = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * Everything the agent measures: what the stream `observability` carries, Prometheus scrapes and the table in
 * docs/observability.md shows comes from here. Names and units are of OpenTelemetry.
 */
export const agentMetrics = {
  'process.memory.usage': {
    kind: 'gauge',
    unit: 'By',
    description: 'Resident memory of the agent, without its function hosts.',
  },
  'process.cpu.time': {
    kind: 'counter',
    unit: 's',
    description: 'Processor time of the agent.',
    attributes: ['cpu.mode'],
  },
  'process.uptime': { kind: 'gauge', unit: 's', description: 'Time since the agent started.' },
  'nodejs.eventloop.time': {
    kind: 'counter',
    unit: 's',
    description: 'Time that the event loop was active or idle.',
    attributes: ['nodejs.eventloop.state'],
  },
  'holdfast.agent.eventloop.delay': {
    kind: 'histogram',
    unit: 's',
    description: 'How late a timer fires, sampled once a second: what everything else waits for too.',
    bounds: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  'holdfast.store.commits': {
    kind: 'counter',
    unit: '{commit}',
    description: 'Transactions of the local store, one fsync each.',
  },
  'holdfast.store.commit.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'How long a transaction of the local store took, its fsync with it.',
    bounds: durations,
  },
  'holdfast.store.commit.failures': {
    kind: 'counter',
    unit: '{commit}',
    description: 'Transactions of the local store that failed.',
    attributes: ['error.type'],
  },
  'holdfast.store.size': {
    kind: 'gauge',
    unit: 'By',
    description: 'Bytes of the local store on disk, its write-ahead log with it.',
  },
  'holdfast.stream.messages': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that were ever appended: the last offset of the stream.',
    attributes: ['stream'],
  },
  'holdfast.stream.size': {
    kind: 'gauge',
    unit: 'By',
    description: 'Bytes that the stream keeps.',
    attributes: ['stream'],
  },
  'holdfast.stream.backlog': {
    kind: 'gauge',
    unit: '{message}',
    description: 'Messages that a reader of the stream has not had yet; the relay is the reader `cloud`.',
    attributes: ['stream', 'reader'],
  },
  'holdfast.stream.dropped': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that were dropped before all readers had them, as gap records say.',
    attributes: ['stream', 'reason'],
  },
  'holdfast.function.invocations': {
    kind: 'counter',
    unit: '{invocation}',
    description: 'Invocations that ended; `outcome` is ok, or the code of the error.',
    attributes: ['function', 'outcome'],
  },
  'holdfast.function.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Wall time of an invocation.',
    attributes: ['function'],
    bounds: durations,
  },
  'holdfast.function.cpu.time': {
    kind: 'counter',
    unit: 's',
    description: 'Processor time of invocations that succeeded.',
    attributes: ['function'],
  },
  'holdfast.function.cold_starts': {
    kind: 'counter',
    unit: '{invocation}',
    description: 'Invocations that an isolate was made for.',
    attributes: ['function'],
  },
  'holdfast.function.retries': {
    kind: 'counter',
    unit: '{event}',
    description: 'Events that were put off to be tried again.',
    attributes: ['function'],
  },
  'holdfast.function.buried': {
    kind: 'counter',
    unit: '{event}',
    description: 'Events that became dead letters after their last attempt.',
    attributes: ['function'],
  },
  'holdfast.function.dead_letters': {
    kind: 'gauge',
    unit: '{event}',
    description: 'Dead letters that are kept.',
    attributes: ['function'],
  },
  'holdfast.function.queue.length': {
    kind: 'gauge',
    unit: '{event}',
    description: 'Events that wait for the function.',
    attributes: ['function'],
  },
  'holdfast.function.in_flight': {
    kind: 'gauge',
    unit: '{invocation}',
    description: 'Invocations that run now.',
    attributes: ['function'],
  },
  'holdfast.function.denials': {
    kind: 'counter',
    unit: '{call}',
    description: 'Calls of bindings that were denied.',
    attributes: ['function'],
  },
  'holdfast.function.budget.invocations': {
    kind: 'gauge',
    unit: '{invocation}',
    description: 'Invocations of this UTC day, of a function with a budget.',
    attributes: ['function'],
  },
  'holdfast.function.budget.egress': {
    kind: 'gauge',
    unit: 'By',
    description: 'Bytes sent by fetch on this UTC day, of a function with a budget.',
    attributes: ['function'],
  },
  'holdfast.function.budget.cpu': {
    kind: 'gauge',
    unit: 's',
    description: 'Processor time of this UTC day, of a function with a budget.',
    attributes: ['function'],
  },
  'holdfast.function.budget.dropped': {
    kind: 'gauge',
    unit: '{event}',
    description: 'Events of this UTC day that were dropped because the budget was used up.',
    attributes: ['function'],
  },
  'holdfast.app.up': {
    kind: 'gauge',
    unit: '{app}',
    description: '1 while the app runs, else 0.',
    attributes: ['app'],
  },
  'holdfast.app.well': {
    kind: 'gauge',
    unit: '{app}',
    description: '1 while the app runs and its checks are good, else 0.',
    attributes: ['app'],
  },
  'holdfast.app.restarts': {
    kind: 'counter',
    unit: '{restart}',
    description: 'Restarts of the app since this version of it was first started by this agent.',
    attributes: ['app'],
  },
  'holdfast.mqtt.clients': {
    kind: 'gauge',
    unit: '{client}',
    description: 'Connected clients of the local broker.',
  },
  'holdfast.mqtt.sessions': {
    kind: 'gauge',
    unit: '{session}',
    description: 'Sessions of clients that are away.',
  },
  'holdfast.mqtt.sessions.messages': {
    kind: 'gauge',
    unit: '{message}',
    description: 'Messages that wait for clients that are away.',
  },
  'holdfast.mqtt.messages.received': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages of clients that the local broker took.',
  },
  'holdfast.mqtt.messages.refused': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages of clients that the local broker did not take.',
    attributes: ['reason'],
  },
  'holdfast.mqtt.messages.dropped': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that were dropped before a client had them.',
    attributes: ['reason'],
  },
  'holdfast.mqtt.connections.refused': {
    kind: 'counter',
    unit: '{connection}',
    description: 'Connections of clients that the local broker did not let in.',
    attributes: ['reason'],
  },
  'holdfast.relay.connected': {
    kind: 'gauge',
    unit: '{link}',
    description: '1 while there is a link to the cloud, else 0.',
  },
  'holdfast.relay.connections': {
    kind: 'counter',
    unit: '{connection}',
    description: 'Links to the cloud that were made.',
  },
  'holdfast.relay.batches': {
    kind: 'counter',
    unit: '{batch}',
    description: 'Batches that were sent to the cloud, repeated ones too.',
  },
  'holdfast.relay.sent': {
    kind: 'counter',
    unit: 'By',
    description: 'Bytes of batches that were sent to the cloud, compressed.',
  },
  'holdfast.relay.acks': {
    kind: 'counter',
    unit: '{ack}',
    description: 'Acknowledgements of the cloud.',
    attributes: ['stream'],
  },
  'holdfast.bridge.connected': {
    kind: 'gauge',
    unit: '{link}',
    description: '1 while the bridge is connected, else 0.',
    attributes: ['bridge'],
  },
  'holdfast.bridge.connections': {
    kind: 'counter',
    unit: '{connection}',
    description: 'Connections that the bridge made.',
    attributes: ['bridge'],
  },
  'holdfast.bridge.messages.sent': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that the other broker acknowledged.',
    attributes: ['bridge'],
  },
  'holdfast.bridge.messages.missed': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that the bridge did not bring to the other broker, and why.',
    attributes: ['bridge', 'reason'],
  },
  'holdfast.bridge.messages.received': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that came in over the bridge.',
    attributes: ['bridge'],
  },
  'holdfast.gateway.requests': {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests that the HTTP gateway answered.',
    attributes: ['function', 'http.response.status_code'],
  },
  'holdfast.shadow.rejected': {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests of local clients to shadows that were rejected.',
    attributes: ['shadow'],
  },
  'holdfast.observability.events': {
    kind: 'counter',
    unit: '{event}',
    description: 'Log events that are in the stream `observability`.',
  },
  'holdfast.observability.dropped': {
    kind: 'counter',
    unit: '{event}',
    description:
      'Log events that did not get into the stream: too many at once, or the store could not take them.',
    attributes: ['reason'],
  },
} as const satisfies MetricDefinitions;

/** What the rooms of the agent count with; optional wherever it is taken. */
export type AgentMeter = Meter<typeof agentMetrics>;

export function createAgentMeter(): AgentMeter {
  return new Meter(agentMetrics);
}
