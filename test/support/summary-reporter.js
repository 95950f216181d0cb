/** Closes a run with one plain line; with CI=true a skipped test fails the run. */
export default class SummaryReporter {
  #error;

  onRunComplete(_contexts, results) {
    const skipped = results.numPendingTests + results.numTodoTests;
    console.log(`${results.numPassedTests} passed, ${results.numFailedTests} failed, ${skipped} skipped`);
    if (process.env.CI === 'true' && skipped > 0) {
      this.#error = new Error(
        `${skipped} test(s) were skipped; in CI a skip is a failure. Run scripts/peers.`,
      );
    }
  }

  getLastError() {
    return this.#error;
  }
}
