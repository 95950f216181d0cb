/** What one device lends the world over HTTP. Times in milliseconds. */
export const limits = {
  connections: 256,
  /** Of one address that is not this machine's, so that one stranger does not take them all. */
  connectionsPerClient: 64,
  /** Requests from their first line to the last byte of the answer. */
  inFlight: 256,
  /** Request bodies held in memory, together. */
  bodyBytes: 32 * 2 ** 20,
  /** Beyond these node itself answers 431 or 408. */
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  timeoutCheckMs: 2000,
  keepAliveMs: 5000,
  headers: 100,
  urlChars: 8192,
  /** How long a request may wait for its function beside the function's own time limit. */
  queueWaitMs: 30_000,
  /** An answer that its reader has not taken by then is cut. */
  sendTimeoutMs: 120_000,
  /** What a refused request still sends is read and thrown away, so that its sender gets to read why. */
  lingerBytes: 2 ** 20,
  lingerMs: 1000,
  answerHeaders: 100,
  answerHeaderBytes: 32 * 1024,
  /** Wrong tokens of one address. */
  failures: { count: 10, perMs: 60_000 },
  rememberedAddresses: 4096,
  /** Lines of the access log; more are counted and left out. */
  logLines: { count: 50, perMs: 1000 },
  retryListenMs: 5000,
} as const;
