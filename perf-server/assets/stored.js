// The history that the service keeps on disk, where it keeps one: as it tells of it, asked once for each process, and now and then for ranges.

import { PARTS } from "./pages.js";

/** `null` where there is none, `undefined` until it was asked. */
let told = PARTS.includes("history") ? undefined : null;
let askedOf = null;
let askedAt = -Infinity;
/** So long, in milliseconds, an answer is good for a range: other processes come, and what is old is forgotten. */
const GOOD = 60_000;

/** Since when anything is stored, in milliseconds; `Infinity` where nothing is. */
export function storedSince() {
  return Math.min(...(told?.tiers ?? []).map((tier) => Date.parse(tier.oldest ?? "")).filter((at) => !Number.isNaN(at)));
}

/** Whether nothing is kept: what people set ends with the process, unless the application sees to it. */
export function isNothingKept() {
  return told === null || Boolean(told?.off);
}

/**
 * Asks, unless it was asked of this process already; for a range anew after a minute, and meanwhile the answer before is as good. A
 * service that does not answer is asked again another time.
 */
export async function askStored(epoch, isForRange = false) {
  if (told === null) return;
  if (askedOf !== epoch) await load(epoch);
  else if (isForRange && Date.now() - askedAt >= GOOD) load(epoch);
}

async function load(epoch) {
  askedAt = Date.now();
  const answer = await fetch("api/v1/history").catch(() => null);
  if (!answer?.ok) return;
  told = await answer.json();
  askedOf = epoch;
}

/** The processes that are known, the first first: `{ at, ended, version, clean }`, times in milliseconds; `clean` once they ended in order. */
export function boots() {
  const known = (told?.boots ?? []).filter(({ started }) => started !== null);
  return known.map(({ started, ended, version, clean }) => ({ at: Date.parse(started), ended: Date.parse(ended), version, clean }));
}
