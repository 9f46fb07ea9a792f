// Every page, in the order of the navigation: ours and those of other parts, as the service lists them; and the parts.

export const { pages: PAGES, parts: PARTS } = await listPages();

/** Asks until there is an answer: without it there is nothing to show. */
async function listPages() {
  for (let wait = 250; ; wait = Math.min(2 * wait, 5000)) {
    const answer = await fetch("api/v1/pages").catch(() => null);
    if (answer?.ok) return answer.json();
    if (answer?.status === 401) location.reload();
    await new Promise((done) => setTimeout(done, wait));
  }
}

/** The page of ours that shows a metric, where it is not one of the application's own. */
export function pageOf(metric) {
  return PAGES.find(({ part, metrics }) => part === "perf" && metrics.some((prefix) => metric.startsWith(prefix)));
}

/** The id of the page that shows a kind of calls, where there is such a kind. */
export function pageOfKind(kind) {
  return PAGES.find(({ kinds }) => kinds.includes(kind))?.id;
}
