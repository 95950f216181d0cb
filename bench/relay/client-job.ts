/** Where an MQTT client of a bench connects, and as whom. */
export type Endpoint = {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string;
  /** PEM. */
  readonly ca?: string;
  readonly username?: string;
  readonly password?: string;
};

/** What a client process is told to do; it connects, does it, disconnects and ends. */
export type ClientJob = { readonly endpoint: Endpoint; readonly messages: number } & (
  | {
      readonly kind: 'publish';
      readonly topic: string;
      /** Of each message; or the rows of the weather data, over and over. */
      readonly payload: { readonly bytes: number } | 'weather';
      /** Publications that may wait for their PUBACK at once. */
      readonly inFlight: number;
      /** At most; left out: as fast as they are acknowledged. */
      readonly perSecond?: number;
    }
  | { readonly kind: 'subscribe'; readonly filter: string }
);

/** What it answers: `ready` when it is connected (and subscribed), then `done`. Times are milliseconds since 1970. */
export type ClientReport =
  | { readonly event: 'ready' }
  /** A subscriber counts each message once; `received` says how many came in all. */
  | {
      readonly event: 'done';
      readonly beganMs: number;
      readonly endedMs: number;
      readonly received: number;
      readonly cpuMs: number;
    };
