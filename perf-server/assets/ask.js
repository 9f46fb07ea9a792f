// A question that a picture asks the service again and again, beside the feed.

/** So often, in milliseconds, it is asked at most. */
const EVERY = 5000;
/** So long, in milliseconds, an answer is waited for. */
const PATIENCE = 20000;

export class Question {
  /** `path` is asked with parameters; `arrived(answer)` when there is another answer: null where the service knows nothing of it, or another thing is asked. */
  constructor(path, arrived) {
    Object.assign(this, { path, arrived, askedAt: -Infinity, query: "", waiting: null });
  }

  /** Asks, unless it did so a moment ago, or is still waiting. `at` is the time of what is shown. */
  async ask(pairs, at) {
    const query = new URLSearchParams(pairs).toString();
    // What was said of another thing is not shown as an answer to this.
    if (query !== this.query) this.forget();
    if (this.waiting || Math.abs(at - this.askedAt) < EVERY) return;
    const waiting = {};
    Object.assign(this, { query, askedAt: at, waiting });
    const answer = await answerTo(`${this.path}?${query}`);
    if (this.waiting !== waiting) return;
    this.waiting = null;
    // A service that does not answer is asked again another time.
    if (answer !== undefined) this.arrived(answer);
  }

  /** Nothing is asked for now. An answer that is on its way is for nobody. */
  forget() {
    if (this.query !== "") this.arrived(null);
    Object.assign(this, { askedAt: -Infinity, query: "", waiting: null });
  }
}

/** The answer; null where there is no such thing, undefined where none came. */
async function answerTo(address) {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE) });
    if (answer.ok) return await answer.json();
    return answer.status === 404 ? null : undefined;
  } catch {
    return undefined;
  }
}
