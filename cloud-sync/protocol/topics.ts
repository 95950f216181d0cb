/** Topics of the control protocol, MQTT 3.1.1: `hf/v1/{tenant}/{device}/…`. */
export type DeviceAddress = { readonly tenant: string; readonly device: string };

const root = 'hf/v1';

export const deviceTopics = ({ tenant, device }: DeviceAddress) => {
  const prefix = `${root}/${tenant}/${device}`;
  return {
    prefix,
    online: `${prefix}/online`,
    desired: `${prefix}/desired`,
    reported: `${prefix}/reported`,
    reportedAck: `${prefix}/reported/ack`,
    command: (id: string) => `${prefix}/cmd/${id}`,
    anyCommand: `${prefix}/cmd/+`,
    commandStatus: (id: string) => `${prefix}/cmd/${id}/status`,
    relay: `${prefix}/relay`,
    relayAck: `${prefix}/relay/ack`,
    /** `tail`: `update`, `get`, `delete`, each also with `/accepted` and `/rejected`; `update/delta`, `update/documents`. */
    shadow: (name: string, tail: string) => `${prefix}/shadow/${name}/${tail}`,
    shadowPrefix: `${prefix}/shadow/`,
    shadowList: `${prefix}/shadow/list`,
    /** Filters of all answers to what the device asks of its shadows. */
    shadowAnswers: [
      `${prefix}/shadow/list/accepted`,
      `${prefix}/shadow/+/+/accepted`,
      `${prefix}/shadow/+/+/rejected`,
    ],
  } as const;
};

export type UpTopic =
  | { readonly kind: 'online' | 'reported' | 'relay' }
  | { readonly kind: 'commandStatus'; readonly id: string }
  | ShadowUpTopic;

export type ShadowUpTopic = { readonly kind: 'shadow' } & (
  { readonly verb: 'update' | 'get' | 'delete'; readonly name: string } | { readonly verb: 'list' }
);

const tail = /^(?:(online|reported|relay)|cmd\/([A-Za-z0-9-]{1,64})\/status)$/;
const shadowTail = /^shadow\/(?:list|([A-Za-z0-9:_-]{1,64})\/(update|get|delete))$/;

/** What a device says on `topic`, or undefined when no device may say it there. */
export function parseUpTopic(address: DeviceAddress, topic: string): UpTopic | undefined {
  const { prefix } = deviceTopics(address);
  if (!topic.startsWith(`${prefix}/`)) return undefined;
  const rest = topic.slice(prefix.length + 1);
  const match = tail.exec(rest);
  if (!match) return parseShadowTopic(rest);
  if (match[2] !== undefined) return { kind: 'commandStatus', id: match[2] };
  return { kind: match[1] as 'online' | 'reported' | 'relay' };
}

function parseShadowTopic(rest: string): ShadowUpTopic | undefined {
  const match = shadowTail.exec(rest);
  if (!match) return undefined;
  const [, name, verb] = match;
  if (name === undefined) return { kind: 'shadow', verb: 'list' };
  return { kind: 'shadow', verb: verb as 'update' | 'get' | 'delete', name };
}

/** Where the control plane publishes a relayed message again, for ordinary MQTT clients. */
export function republishedTopic({ tenant, device }: DeviceAddress, topic: string): string {
  return `t/${tenant}/${device}/${topic}`;
}
