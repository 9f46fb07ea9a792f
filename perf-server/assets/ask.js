// A question that a picture asks the service again and again, beside the feed.

/** So often, in milliseconds, it is asked at most. */
const EVERY = 5000;
/** So long, in milliseconds, an answer is waited for. */
const PATIENCE = 20000;

export class Question {
  /** `path` is asked with parameters; `arrived(answer)` when there is another answer: null where the service knows nothing of it, or another thing is asked. */
  constructor(path, arrived) {
    Object.assign(this, { path, arrived, askedAt: -Infinity, name: "", waiting: null, restsUntil: 0 });
  }

  /** Asks about the time of a picture, unless it did so a moment ago, or is still waiting. */
  ask(pairs, store) {
    const ofWindow = [...pairs, ["window", store.window]];
    if (!store.isPast && !store.isHeld) return this.askAt(ofWindow, store.at ?? Date.now());
    const [from, to] = store.span();
    const time = [from, to].map((millis) => new Date(millis).toISOString());
    // A picture that is held goes by the name that it had while it was live: the answer of that moment stays.
    const name = JSON.stringify(store.isPast ? [pairs, store.key] : ofWindow);
    return this.askAt([...pairs, ["from", time[0]], ["to", time[1]]], to, name);
  }

  /** Asks for what is known of now alone: while a picture is held, what came before stays. */
  askOfNow(pairs, store) {
    if (store.isPast) this.forget();
    else if (!store.isHeld) return this.askAt(pairs, store.at ?? Date.now());
    else if (this.name !== JSON.stringify(pairs)) this.forget();
  }

  /** `at` is the time of what is shown. What is asked for may move along with it, and is the same thing then by its name. */
  async askAt(pairs, at, name = JSON.stringify(pairs)) {
    // What was said of another thing is not shown as an answer to this.
    if (name !== this.name) this.forget();
    if (this.waiting || Math.abs(at - this.askedAt) < EVERY || Date.now() < this.restsUntil) return;
    const waiting = {};
    Object.assign(this, { name, askedAt: at, waiting });
    const answer = await answerTo(`${this.path}?${new URLSearchParams(pairs)}`);
    if (this.waiting !== waiting) return;
    this.waiting = null;
    if (answer !== undefined) return this.arrived(answer);
    // A service that does not answer is asked again another time, about a time that is over too.
    Object.assign(this, { askedAt: -Infinity, restsUntil: Date.now() + EVERY });
  }

  /** Nothing is asked for now. An answer that is on its way is for nobody. */
  forget() {
    if (this.name !== "") this.arrived(null);
    Object.assign(this, { askedAt: -Infinity, name: "", waiting: null });
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
