/** Stores that are far away answer several calls in the time of one. */
export const callsAtOnce = 8;
