import type { UplinkPort } from '../relay/ports.ts';
import type { AgentMeter } from './metrics.ts';

/** The link to the cloud, with what the relay does over it measured. */
export function measureUplink(link: UplinkPort, meter: AgentMeter): UplinkPort {
  meter.observe((report) => report('holdfast.relay.connected', link.connected ? 1 : 0, {}));
  link.onConnectionChange((connected) => {
    if (connected) meter.add('holdfast.relay.connections', {});
  });
  link.onRelayAck(({ stream }) => meter.add('holdfast.relay.acks', { stream }));
  return {
    get connected() {
      return link.connected;
    },
    sendRelay: (payload) => {
      meter.add('holdfast.relay.batches', {});
      meter.add('holdfast.relay.sent', {}, payload.byteLength);
      return link.sendRelay(payload);
    },
    onRelayAck: (listener) => link.onRelayAck(listener),
    onConnectionChange: (listener) => link.onConnectionChange(listener),
    onOlderDisk: (listener) => link.onOlderDisk(listener),
  };
}
