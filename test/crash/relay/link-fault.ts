/** What may happen to a line. `packets` are of the relay: batches on their way up, acknowledgements on their way down. */
export type LinkFault =
  | { readonly kind: 'reset' }
  /** Both ends hear nothing more, not even that the other one went; a new connection works. */
  | { readonly kind: 'halfOpen' }
  /** New connections are refused too. */
  | { readonly kind: 'partition'; readonly ms: number }
  | {
      readonly kind: 'stall';
      readonly directions: readonly ('up' | 'down')[];
      readonly ms: number;
      readonly thenReset: boolean;
    }
  | { readonly kind: 'throttle'; readonly bytesPerMs: number; readonly ms: number }
  /** cut: in the middle of the packet. swap: behind those that follow within a moment. */
  | {
      readonly kind: 'cut' | 'drop' | 'repeat' | 'swap';
      readonly direction: 'up' | 'down';
      packets: number;
    };
