/**
 * A pack is finished once it has this many bytes. Half of what restic takes: two packs a thread are open, and memory on a device is dearer
 * than a few more files.
 */
export const packTargetBytes = 8 * 1024 * 1024;
/** Room for most last blobs and the header; where it does not do, the pack grows. */
export const packCapacityBytes = packTargetBytes + 1024 * 1024;
/** Of zstd. Of a Debian's /usr, 1 makes a repository 5 % larger than restic's, 2 one 1 % larger, 3 one 2 % smaller in a tenth more time. */
export const compressionLevel = 1;
/** Finished packs in memory that no thread may add to, over all threads. */
export const packsInFlight = 2;
/** What a thread is handed at once: enough that messages cost nothing, little enough that all threads end together. */
export const maxBatchFiles = 200;
export const maxBatchBytes = 4 * 1024 * 1024;
/** What is worth a message to a thread that has nothing to do; a busy one gets as much as there may be. */
export const minBatchFiles = 20;
export const minBatchBytes = 512 * 1024;
/** Files that wait for a thread: the walk of a huge folder pauses there. */
export const maxWaitingFiles = 200_000;
/** What a thread that lists ahead tells at once. */
export const minEntriesTold = 500;
/** Entries that are listed ahead at most: a hundred bytes each and their names. */
export const maxEntriesAhead = 200_000;
/** Entries of which a snapshot remembers what `lstat` said: a hundred bytes each. */
export const maxEntriesRemembered = 250_000;
/** How long the walk holds the thread that also hands out work and writes packs. */
export const walkSliceMs = 15;
/**
 * An index over what is durable so far is written each time this many packs are, or packs of this many blobs: what was cut short need not be
 * stored again, and the threads are still reading meanwhile.
 */
export const packsPerIndex = 64;
export const blobsPerIndex = 20_000;
/** How long an aborted snapshot may take to write the index over what it has stored: who aborted it waits. */
export const lastIndexMs = 5_000;
/** Time between two reports of progress. */
export const progressIntervalMs = 250;
/** Memory that was freed is given back to the system each time this much has been written. */
export const trimBytes = 16 * 1024 * 1024;
