/** The way to the cloud's shadows, as they need it here. */
export type ShadowUplink = {
  readonly connected: boolean;
  /** On `…/shadow/{tail}` of this device. Resolves when the broker took it; rejects when the link is lost. */
  sendShadow(tail: string, payload: string): Promise<void>;
  /** Calls back with every answer, in order; `tail` begins behind `…/shadow/`. Returns what ends it. */
  onShadowAnswer(listener: (tail: string, payload: Uint8Array) => void): () => void;
  onConnectionChange(listener: (connected: boolean) => void): () => void;
};
