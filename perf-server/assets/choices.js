// The choices of a reader, kept by the browser.

/** The choice kept under a name; `otherwise` where there is none. */
export function chosen(name, otherwise) {
  try {
    return localStorage.getItem(`perf.${name}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function choose(name, value) {
  try {
    localStorage.setItem(`perf.${name}`, value);
  } catch {
    // Where nothing may be stored it holds until the page is left.
  }
}
