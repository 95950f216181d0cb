import type { AgentMeter } from './metrics.ts';

type BridgeCounts = {
  readonly connected: boolean;
  readonly out: readonly { readonly sent: number; readonly missed: Readonly<Record<string, number>> }[];
  readonly in: { readonly received: number } | null;
};

/** How the bridges of the generation are at each snapshot. Returns how to stop. */
export function measureBridges(
  meter: AgentMeter,
  bridges: () => Readonly<Record<string, BridgeCounts>>,
): () => void {
  return meter.observe((report) => {
    for (const [bridge, status] of Object.entries(bridges())) {
      report('holdfast.bridge.connected', status.connected ? 1 : 0, { bridge });
      const sent = status.out.reduce((sum, reader) => sum + reader.sent, 0);
      report('holdfast.bridge.messages.sent', sent, { bridge });
      const missed = Map.groupBy(
        status.out.flatMap((reader) => Object.entries(reader.missed)),
        ([reason]) => reason,
      );
      for (const [reason, counts] of missed) {
        const count = counts.reduce((sum, [, one]) => sum + one, 0);
        report('holdfast.bridge.messages.missed', count, { bridge, reason });
      }
      if (status.in) report('holdfast.bridge.messages.received', status.in.received, { bridge });
    }
  });
}
